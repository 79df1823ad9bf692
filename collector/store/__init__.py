"""Where samples live: write-ahead log, stripes in memory, blocks on disk.

Importing this package loads nothing: `interface` is the seam that ingest and query import, and it
must not pull in numba and pyarrow.
"""
