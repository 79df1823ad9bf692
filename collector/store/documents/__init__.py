"""Logs as documents: `interface` is the seam, `local` and `elasticsearch` keep them.

Importing this package loads neither SQLite nor a client.
"""
