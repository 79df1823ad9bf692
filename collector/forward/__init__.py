"""Sends what was stored on: appender -> journal -> reader -> relabel, shard -> encode -> send."""
