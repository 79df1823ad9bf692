"""The application: configuration, wiring, lifecycle, HTTP, commands, pages, packs.

The only package that knows all the others; none of them imports it.
"""

__version__ = "0.1.0"
