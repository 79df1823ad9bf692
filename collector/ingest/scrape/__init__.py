"""Targets are asked for their metrics, each on its own clock."""
