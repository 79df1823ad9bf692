"""Pictures: `charts` draws scenes, `svg` writes one for pages."""
