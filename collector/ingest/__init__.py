"""Bytes from outside become samples in the store: formats -> relabel -> limits -> write."""
