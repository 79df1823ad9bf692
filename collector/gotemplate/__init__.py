"""Go's text/template: the language of rule annotations and of Alertmanager's notifications.

`compile_template(text, name)` parses, `Template.render(data, functions)` writes. Data are plain
Python values (see `values`); functions are the caller's. text -> lexer -> parser -> nodes ->
evaluate -> text.
"""

from collector.gotemplate.template import Functions, Template, compile_template
from collector.gotemplate.values import Html, StringMap, Typed

__all__ = ["Functions", "Html", "StringMap", "Template", "Typed", "compile_template"]
