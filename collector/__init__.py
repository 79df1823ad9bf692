"""The three signals, in three stages: `ingest` takes bytes in, `store` keeps them, `query` answers.

Imports point one way: api > ingest | query | exporters > store > model.
This package exports nothing: each stage has its own door (`store.interface`, `query.interface`).
"""
