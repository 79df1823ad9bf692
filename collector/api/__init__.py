"""HTTP routes of the collector: thin shells that are given the engine and the store."""
