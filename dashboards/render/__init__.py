"""Pictures: `charts` and `strips` draw scenes, `svg` writes one for pages, `png` for messages."""
