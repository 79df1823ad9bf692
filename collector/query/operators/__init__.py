"""Operators over (series, step) blocks: one file an idea; `interface` says what each owes."""
