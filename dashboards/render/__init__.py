"""Pictures: `charts` draws a scene of rectangles, paths and texts; `svg` writes it for pages."""
