"""PromQL: text -> tokens -> AST -> plan -> operators over (series, step) matrices.

Import `collector.query.interface` for the protocol and `collector.query.values` for the answers;
only `tocsin.wiring` builds the engine.
"""
