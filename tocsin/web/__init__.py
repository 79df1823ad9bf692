"""The web pages: one file a page, drawn on the server, complete without JavaScript.

A page module turns what the parts know into plain view values; a template shows them.
"""
