"""Recording and alerting rules: Prometheus's rule files, evaluated on the store's own samples.

Docstring only: reading a rule's state must not load the interpreter of templates.
"""
