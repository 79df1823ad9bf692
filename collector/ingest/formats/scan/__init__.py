"""numba kernels that find samples in the bytes of each format: no labels, no objects."""
