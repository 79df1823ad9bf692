"""Tokens to a tree: Go's text/template grammar (text/template/parse), errors with their places.

What is wrong without any data is found here: unknown functions and variables, a `break` outside a
loop, an `end` too many. Only functions are asked for by name; what they do is the caller's.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from collector.gotemplate.constants import number, unquote
from collector.gotemplate.lexer import Token, tokenize
from collector.gotemplate.nodes import (
    Action,
    Branch,
    Chain,
    Command,
    Constant,
    Definition,
    Dot,
    Field,
    Function,
    Invoke,
    Leave,
    Node,
    Operand,
    Pipeline,
    Span,
    Text,
    Variable,
)
from collector.gotemplate.places import template_error
from collector.model.errors import TemplateError

MAX_NESTING = 100
"""Blocks and parentheses inside each other: more is no template that a person wrote."""
MAX_SOURCE_CHARS = 1_000_000
"""A template larger than this is a mistake."""

_BRANCHES = ("if", "with", "range")
_NAMED = {"nil": None, "true": True, "false": False}
_EMPTY_END = Token("right", "", 0, 0)


def parse(
    source: str, name: str, functions: Collection[str] | None, variables: Collection[str] = ()
) -> dict[str, Definition]:
    """Every template that `source` defines, by name; its own text under `name`.

    `functions` are the names that may be called (None: any), `variables` those that are set from
    outside, such as `$labels`. Raises TemplateError.
    """
    if len(source) > MAX_SOURCE_CHARS:
        raise template_error(source, name, 0, f"over {MAX_SOURCE_CHARS:,} characters")
    return _Parser(source, name, functions, variables).definitions()


@dataclass
class _Block:
    """What ended a list of nodes: `end`, `else` (with its token) or the end of the text."""

    nodes: tuple[Node, ...]
    ending: str
    token: Token = field(default=_EMPTY_END)


class _Parser:
    def __init__(
        self,
        source: str,
        name: str,
        functions: Collection[str] | None,
        variables: Collection[str],
    ) -> None:
        self._source = source
        self._name = name
        self._functions = functions
        self._tokens = list(tokenize(source, name))
        self._at = 0
        self._variables = ["$", *variables]
        self._loops = 0
        self._depth = 0
        self._defined: dict[str, Definition] = {}

    def definitions(self) -> dict[str, Definition]:
        block = self._block()
        if block.ending:
            raise self._error(block.token, f"unexpected {{{{{block.ending}}}}}")
        again = self._defined.get(self._name)
        if again is not None and again.nodes and block.nodes:
            raise self._error_at(0, f"multiple definition of template {self._name!r}")
        own = Definition(self._name, block.nodes or (again.nodes if again else ()), self._source)
        return {**self._defined, self._name: own}

    # -- blocks -----------------------------------------------------------------------------------

    def _block(self) -> _Block:
        """Nodes up to the `end` or `else` that closes them, or to the end of the text."""
        self._deeper(self._peek())
        nodes: list[Node] = []
        scope = len(self._variables)
        found = _Block((), "")
        while self._at < len(self._tokens):
            token = self._next()
            if token.kind == "text":
                nodes.append(Text(token.text))
                continue
            word = self._peek()
            if word.kind == "word" and word.text in ("end", "else"):
                self._next()
                found = _Block((), word.text, word)
                break
            node = self._action()
            if node is not None:
                nodes.append(node)
        del self._variables[scope:]
        self._depth -= 1
        return _Block(tuple(nodes), found.ending, found.token)

    def _action(self) -> Node | None:
        token = self._peek()
        if token.kind == "word":
            if token.text in _BRANCHES:
                self._next()
                return self._branch(token)
            if token.text in ("break", "continue"):
                return self._leave(self._next())
            if token.text == "template":
                return self._invoke(self._next())
            if token.text in ("define", "block"):
                return self._define(self._next())
        pipeline = self._pipeline(token.text)
        self._close()
        return Action(pipeline)

    def _branch(self, word: Token) -> Branch:
        scope = len(self._variables)
        is_loop = word.text == "range"
        pipeline = self._pipeline(word.text, is_loop=is_loop)
        self._close()
        self._loops += is_loop
        body = self._block()
        self._loops -= is_loop
        otherwise = self._otherwise(word, body)
        del self._variables[scope:]
        return Branch(word.text, pipeline, body.nodes, otherwise)  # type: ignore[arg-type]

    def _otherwise(self, word: Token, body: _Block) -> tuple[Node, ...]:
        """What follows an `else`; `else if` and `else with` are a branch in there."""
        if not body.ending:
            raise self._error(word, f"{{{{{word.text}}}}} without {{{{end}}}}")
        if body.ending == "end":
            self._close()
            return ()
        follows = self._peek()
        if follows.kind == "word" and follows.text == word.text and word.text != "range":
            self._next()
            self._deeper(follows)
            nested = self._branch(follows)
            self._depth -= 1
            return (nested,)
        self._close()
        rest = self._block()
        if rest.ending != "end":
            raise self._error(rest.token if rest.ending else word, "expected {{end}}")
        self._close()
        return rest.nodes

    def _leave(self, word: Token) -> Leave:
        if not self._loops:
            raise self._error(word, f"{{{{{word.text}}}}} outside {{{{range}}}}")
        self._close()
        return Leave(word.text)  # type: ignore[arg-type]

    def _invoke(self, word: Token) -> Invoke:
        name = self._template_name(word)
        pipeline = None if self._peek().kind == "right" else self._pipeline("template")
        end = self._peek().start
        self._close()
        return Invoke(name, pipeline, Span(word.start, end))

    def _define(self, word: Token) -> Invoke | None:
        """`define` gives nothing where it stands; `block` is a definition that is used there."""
        if word.text == "define" and self._depth > 1:
            raise self._error(word, "unexpected {{define}} inside another block")
        name = self._template_name(word)
        pipeline = self._pipeline("block") if word.text == "block" else None
        self._close()
        outer, self._variables = self._variables, ["$"]
        loops, self._loops = self._loops, 0
        body = self._block()
        self._variables, self._loops = outer, loops
        if body.ending != "end":
            raise self._error(word, f"{{{{{word.text}}}}} without {{{{end}}}}")
        self._close()
        if name in self._defined and self._defined[name].nodes and body.nodes:
            raise self._error(word, f"multiple definition of template {name!r}")
        self._defined[name] = Definition(name, body.nodes, self._source)
        return Invoke(name, pipeline, Span(word.start, word.end)) if pipeline else None

    def _template_name(self, word: Token) -> str:
        token = self._next()
        if token.kind != "string" or token.text.startswith("'"):
            raise self._error(token, f"{{{{{word.text}}}}} needs the name of a template in quotes")
        return str(self._constant(token).value)

    # -- pipelines --------------------------------------------------------------------------------

    def _pipeline(self, context: str, *, is_loop: bool = False, closing: str = "") -> Pipeline:
        start = self._peek().start
        names, assigns = self._declaration(is_loop)
        commands = [self._command(context)]
        while self._peek().text == "|" and self._peek().kind == "mark":
            self._next()
            if self._peek().kind == "right":
                break  # Go lets a pipeline end with its bar
            commands.append(self._command(context))
        ending = self._peek()
        is_right = ending.kind == "right" and not closing
        is_paren = ending.kind == "mark" and ending.text == ")" and bool(closing)
        if not (is_right or is_paren):
            raise self._error(ending, f"unexpected {ending.text!r} in {context}")
        for late in commands[1:]:
            if isinstance(late.args[0], Dot | Constant):
                raise self._error_at(
                    late.span.start, "a value can't be a later stage of a pipeline: only a function"
                )
        if not assigns:
            self._variables += names
        return Pipeline(tuple(commands), Span(start, ending.start), names, assigns)

    def _declaration(self, is_loop: bool) -> tuple[tuple[str, ...], bool]:
        """The variables that a pipeline sets, and whether they are there already (`=`)."""
        first = self._peek()
        if first.kind != "variable":
            return (), False
        follows = self._peek(1)
        if follows.kind == "mark" and follows.text in (":=", "="):
            self._at += 2
            return self._set((first,), follows.text == "=")
        second, sign = self._peek(2), self._peek(3)
        if follows.text == "," and second.kind == "variable" and sign.text in (":=", "="):
            if not is_loop:
                raise self._error(follows, "only {{range}} sets two variables")
            self._at += 4
            return self._set((first, second), sign.text == "=")
        return (), False

    def _set(self, tokens: tuple[Token, ...], assigns: bool) -> tuple[tuple[str, ...], bool]:
        for token in tokens:
            if assigns:
                self._check_variable(token)
        return tuple(token.text for token in tokens), assigns

    def _command(self, context: str) -> Command:
        start = self._peek().start
        args: list[Operand] = []
        while (operand := self._operand()) is not None:
            args.append(operand)
            token = self._peek()
            ends = token.kind == "right" or token.text in ("|", ")")
            if not ends and not token.spaced:
                raise self._error(token, f"unexpected {token.text!r} in operand")
        token = self._peek()
        if not args:
            reason = f"unexpected {token.text!r} in {context}"
            if token.kind == "right" or token.text in (")", "|"):
                reason = f"missing value for {context or 'command'}"
            raise self._error(token, reason)
        return Command(tuple(args), Span(start, token.start))

    def _operand(self) -> Operand | None:
        operand = self._term()
        if operand is None:
            return None
        names = self._names()
        if not names:
            return operand
        span = Span(operand.span.start, self._tokens[self._at - 1].end)
        match operand:
            case Constant():
                raise self._error_at(span.start, "unexpected . after a constant")
            case Field(names=first):
                return Field(first + names, span)
            case Variable(name=name):
                return Variable(name, names, span)
            case _:
                return Chain(operand, names, span)

    def _names(self) -> tuple[str, ...]:
        names = []
        while (token := self._peek()).kind == "field" and not token.spaced:
            names.append(self._next().text[1:])
        return tuple(names)

    def _term(self) -> Operand | None:
        token = self._peek()
        span = Span(token.start, token.end)
        match token.kind:
            case "word":
                self._next()
                return self._word(token, span)
            case "number" | "string":
                return self._constant(self._next())
            case "field":
                self._next()
                return Field((token.text[1:],), span)
            case "variable":
                self._check_variable(self._next())
                return Variable(token.text, (), span)
            case "mark" if token.text == ".":
                self._next()
                return Dot(span)
            case "mark" if token.text == "(":
                return self._parenthesis(self._next())
        return None

    def _parenthesis(self, opening: Token) -> Pipeline:
        self._deeper(opening)
        scope = len(self._variables)
        pipeline = self._pipeline("parenthesized pipeline", closing=")")
        del self._variables[scope:]
        self._next()
        self._depth -= 1
        return pipeline

    def _word(self, token: Token, span: Span) -> Operand:
        if token.text in _NAMED:
            return Constant(_NAMED[token.text], span)
        if self._functions is not None and token.text not in self._functions:
            error = self._error(token, f"function {token.text!r} not defined")
            error.advice = f"there are: {', '.join(sorted(self._functions))}"
            raise error
        return Function(token.text, span)

    def _constant(self, token: Token) -> Constant:
        span = Span(token.start, token.end)
        try:
            if token.kind == "string":
                return Constant(unquote(token.text), span, token.text.startswith("'"))
            return Constant(number(token.text), span, is_number=True)
        except ValueError as error:
            raise self._error(token, str(error)) from error

    # -- tokens -----------------------------------------------------------------------------------

    def _check_variable(self, token: Token) -> None:
        if token.text not in self._variables:
            raise self._error(token, f"undefined variable {token.text!r}")

    def _peek(self, ahead: int = 0) -> Token:
        at = self._at + ahead
        return self._tokens[at] if at < len(self._tokens) else self._ending()

    def _next(self) -> Token:
        token = self._peek()
        self._at += 1
        return token

    def _ending(self) -> Token:
        return Token("right", "", len(self._source), len(self._source))

    def _close(self) -> None:
        token = self._next()
        if token.kind != "right":
            raise self._error(token, f"unexpected {token.text!r}, expected }}}}")

    def _deeper(self, token: Token) -> None:
        self._depth += 1
        if self._depth > MAX_NESTING:
            raise self._error(token, f"nested over {MAX_NESTING} levels deep")

    def _error(self, token: Token, reason: str) -> TemplateError:
        return self._error_at(token.start, reason)

    def _error_at(self, offset: int, reason: str) -> TemplateError:
        return template_error(self._source, self._name, offset, reason)
