"""Alertmanager's notification templates on `collector.gotemplate`.

`book`: the named templates (ours, then the files of `templates:`). `entry`: the texts of one
receiver's entry, compiled at load and filled for each notification. `data` and `functions`: what a
template sees and calls.
"""

from alerts.template.book import TemplateBook, default_book, load_book
from alerts.template.entry import EntryTemplates, TemplatedFields

__all__ = ["EntryTemplates", "TemplateBook", "TemplatedFields", "default_book", "load_book"]
