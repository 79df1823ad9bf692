"""Walks a template's tree over data and writes text; follows Go's text/template/exec.go.

Data is never asked for Python attributes: a field is an entry of a map or of a `Typed` value, so a
template reaches nothing that its caller did not give it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from collector.gotemplate.builtins import BUILTINS, SHORT_CIRCUIT
from collector.gotemplate.format import sorted_keys, value_text
from collector.gotemplate.limits import MAX_CALL_DEPTH, MAX_OUTPUT_CHARS, MAX_STEPS, output_limit
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
from collector.gotemplate.signatures import fitted, signature_of
from collector.gotemplate.values import Html, is_true, member, plain
from collector.model.errors import LimitError, TemplateError, TocsinError

NO_VALUE = "<no value>"
_ABSENT = object()


class _Leaving(Exception):  # noqa: N818 - a jump, not an error
    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class Rendering:
    """One execution of a template: its variables, its output and what it may still do."""

    def __init__(
        self,
        defined: Mapping[str, Definition],
        functions: Mapping[str, Callable[..., object]],
        escape: Callable[[str], str] | None,
    ) -> None:
        self._defined = defined
        self._functions = functions
        self._escape = escape
        self._parts: list[str] = []
        self._size = 0
        self._steps = 0
        self._calls = 0

    def text_of(self, definition: Definition, data: object, variables: Mapping[str, object]) -> str:
        """What the template writes. Raises TemplateError or LimitError."""
        try:
            self._template(definition, data, variables)
        except RecursionError as error:
            raise LimitError("the template nests too deep", advice="flatten it") from error
        return "".join(self._parts)

    def _template(
        self, definition: Definition, data: object, variables: Mapping[str, object]
    ) -> None:
        self._calls += 1
        if self._calls > MAX_CALL_DEPTH:
            raise LimitError(
                f"templates call each other over {MAX_CALL_DEPTH} levels deep",
                advice="does one call itself without an end?",
            )
        _Scope(self, definition, data, variables).run(definition.nodes, data)
        self._calls -= 1

    def invoke(self, name: str, data: object) -> bool:
        """Write another template; False when there is none of that name."""
        definition = self._defined.get(name)
        if definition is not None:
            self._template(definition, data, {})
        return definition is not None

    def write(self, text: str) -> None:
        """Add text to the output."""
        self._size += len(text)
        if self._size > MAX_OUTPUT_CHARS:
            raise output_limit()
        self._parts.append(text)

    def write_value(self, value: object) -> None:
        """Add a value to the output, escaped in the HTML variant."""
        text = NO_VALUE if value is None else value_text(value)
        safe = self._escape is None or isinstance(plain(value), Html)
        self.write(text if safe or self._escape is None else self._escape(text))

    def step(self) -> None:
        """One node more."""
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise LimitError(
                f"the template takes over {MAX_STEPS:,} steps", advice="range over less"
            )

    def function(self, name: str) -> Callable[..., object] | None:
        """What a name calls; the caller's functions hide the built-in ones."""
        return self._functions.get(name) or BUILTINS.get(name)


class _Scope:
    """One template's own variables; `_names` and `_values` are the stack, newest last."""

    def __init__(
        self,
        rendering: Rendering,
        definition: Definition,
        data: object,
        variables: Mapping[str, object],
    ) -> None:
        self._out = rendering
        self._definition = definition
        self._names = ["$", *variables]
        self._values = [data, *variables.values()]

    # -- statements -------------------------------------------------------------------------------

    def run(self, nodes: Sequence[Node], dot: object) -> None:
        for node in nodes:
            self._out.step()
            match node:
                case Text(text=text):
                    self._out.write(text)
                case Action(pipeline=pipeline):
                    value = self._pipeline(pipeline, dot)
                    if not pipeline.names:
                        self._out.write_value(value)
                case Branch(kind="range"):
                    self._range(node, dot)
                case Branch():
                    self._branch(node, dot)
                case Invoke():
                    self._invoke(node, dot)
                case Leave(kind=kind):
                    raise _Leaving(kind)

    def _branch(self, node: Branch, dot: object) -> None:
        mark = len(self._names)
        value = self._pipeline(node.pipeline, dot)
        if is_true(value):
            self.run(node.body, value if node.kind == "with" else dot)
        else:
            self.run(node.otherwise, dot)
        self._pop(mark)

    def _range(self, node: Branch, dot: object) -> None:
        mark = len(self._names)
        pipeline = node.pipeline
        value = self._value(pipeline, dot)
        empty = True
        for key, one in self._entries(value, pipeline.span):
            empty = False
            self._out.step()
            inner = len(self._names)
            self._set(pipeline, (one,) if len(pipeline.names) < 2 else (key, one))
            try:
                self.run(node.body, one)
            except _Leaving as leaving:
                if leaving.kind == "break":
                    break
            finally:
                self._pop(inner)
        self._pop(mark)
        if empty:
            self.run(node.otherwise, dot)

    def _entries(self, value: object, span: Span) -> Iterator[tuple[object, object]]:
        inner = plain(value)
        if inner is None:
            return iter(())
        if isinstance(inner, int) and not isinstance(inner, bool):
            return ((number, number) for number in range(inner))
        if isinstance(inner, Mapping):
            return ((key, inner[key]) for key in sorted_keys(inner))
        if isinstance(inner, Sequence) and not isinstance(inner, str):
            return iter(enumerate(inner))
        raise self._error(span, f"range can't iterate over {value_text(value)}")

    def _invoke(self, node: Invoke, dot: object) -> None:
        data = self._pipeline(node.pipeline, dot) if node.pipeline else None
        if not self._out.invoke(node.name, data):
            raise self._error(node.span, f"template {node.name!r} not defined")

    def _set(self, pipeline: Pipeline, values: Sequence[object]) -> None:
        for name, value in zip(pipeline.names, values, strict=False):
            if pipeline.assigns:
                self._values[self._slot(name)] = value
            else:
                self._names.append(name)
                self._values.append(value)

    def _slot(self, name: str) -> int:
        return len(self._names) - 1 - self._names[::-1].index(name)

    def _pop(self, mark: int) -> None:
        del self._names[mark:], self._values[mark:]

    # -- expressions ------------------------------------------------------------------------------

    def _pipeline(self, pipeline: Pipeline, dot: object) -> object:
        value = self._value(pipeline, dot)
        self._set(pipeline, (value,) * len(pipeline.names))
        return value

    def _value(self, pipeline: Pipeline, dot: object) -> object:
        value: object = _ABSENT
        for command in pipeline.commands:
            value = self._command(command, dot, value)
        return value

    def _command(self, command: Command, dot: object, final: object) -> object:
        first, arguments = command.args[0], command.args[1:]
        has_arguments = bool(arguments) or final is not _ABSENT
        match first:
            case Function():
                return self._call_named(first, command, dot, final)
            case Field(names=names):
                return self._walk(dot, names, first, dot, arguments, final)
            case Variable(name=name, names=names) if names:
                start = self._values[self._slot(name)]
                return self._walk(start, names, first, dot, arguments, final)
            case Chain(operand=operand, names=names):
                start = self._argument(operand, dot)
                return self._walk(start, names, first, dot, arguments, final)
        if has_arguments:
            raise self._error(first.span, f"can't give argument to non-function {self._at(first)}")
        if isinstance(first, Constant) and first.value is None:
            raise self._error(first.span, "nil is not a command")
        return self._argument(first, dot)

    def _argument(self, operand: Operand, dot: object) -> object:
        self._out.step()
        match operand:
            case Dot():
                return dot
            case Constant(value=value):
                return value
            case Field(names=names):
                return self._walk(dot, names, operand, dot, (), _ABSENT)
            case Variable(name=name, names=names):
                start = self._values[self._slot(name)]
                return self._walk(start, names, operand, dot, (), _ABSENT)
            case Chain(operand=inner, names=names):
                start = self._argument(inner, dot)
                return self._walk(start, names, operand, dot, (), _ABSENT)
            case Function():
                command = Command((operand,), operand.span)
                return self._call_named(operand, command, dot, _ABSENT)
            case Pipeline():
                mark = len(self._names)
                value = self._pipeline(operand, dot)
                self._pop(mark)
                return value

    def _walk(
        self,
        value: object,
        names: Sequence[str],
        node: Operand,
        dot: object,
        arguments: Sequence[Operand],
        final: object,
    ) -> object:
        """Fields one after another; arguments belong to the last one, if it is a method."""
        for position, name in enumerate(names):
            self._out.step()
            last = position == len(names) - 1
            member = self._member(value, name, node)
            if callable(member):
                given = arguments if last else ()
                value = self._call(name, member, given, dot, final if last else _ABSENT, node.span)
            elif last and (arguments or final is not _ABSENT):
                raise self._error(node.span, f"{name} is not a method but has arguments")
            else:
                value = member
        return value

    def _member(self, value: object, name: str, node: Operand) -> object:
        try:
            return member(value, name)
        except LookupError as error:
            raise self._error(node.span, str(error.args[0])) from error

    # -- calls ------------------------------------------------------------------------------------

    def _call_named(self, node: Function, command: Command, dot: object, final: object) -> object:
        arguments = command.args[1:]
        function = self._out.function(node.name)
        if function is None and node.name in SHORT_CIRCUIT:
            return self._short_circuit(node, arguments, dot, final)
        if function is None:
            raise self._error(node.span, f"{node.name!r} is not a defined function")
        return self._call(node.name, function, arguments, dot, final, command.span)

    def _short_circuit(
        self, node: Function, arguments: Sequence[Operand], dot: object, final: object
    ) -> object:
        if not arguments and final is _ABSENT:
            raise self._error(
                node.span, f"wrong number of args for {node.name}: want at least 1 got 0"
            )
        value: object = None
        for argument in arguments:
            value = self._argument(argument, dot)
            if is_true(value) == (node.name == "or"):
                return value
        return value if final is _ABSENT else final

    def _call(
        self,
        name: str,
        function: Callable[..., object],
        arguments: Sequence[Operand],
        dot: object,
        final: object,
        span: Span,
    ) -> object:
        signature = signature_of(function)
        count = len(arguments) + (final is not _ABSENT)
        try:
            signature.check_count(name, count)
        except ValueError as error:
            raise self._error(span, str(error)) from error
        given = [
            self._fit(
                self._typed_argument(one, dot, signature.type_at(position)),
                one.span,
                signature.type_at(position),
            )
            for position, one in enumerate(arguments)
        ]
        if final is not _ABSENT:
            given.append(self._fit(final, span, signature.type_at(len(given))))
        return self._result(name, function, given, span)

    def _typed_argument(self, node: Operand, dot: object, wanted: type | None) -> object:
        value = self._argument(node, dot)
        if isinstance(node, Constant) and node.is_number and isinstance(value, int | float):
            if wanted is float:
                return float(value)
            if wanted is int and isinstance(value, float) and value.is_integer():
                return int(value)
        return value

    def _fit(self, value: object, span: Span, wanted: type | None) -> object:
        try:
            return fitted(value, wanted)
        except ValueError as error:
            raise self._error(span, str(error)) from error

    def _result(
        self, name: str, function: Callable[..., object], given: Sequence[object], span: Span
    ) -> object:
        self._out.step()
        try:
            value = function(*given)
        except (ValueError, TypeError, ArithmeticError, LookupError) as error:
            raise self._error(span, f"error calling {name}: {error}") from error
        except (TemplateError, LimitError):
            raise
        except TocsinError as error:
            raise self._error(span, f"error calling {name}: {error.message}") from error
        if isinstance(value, str) and len(value) > MAX_OUTPUT_CHARS:
            raise output_limit()
        return value

    # -- errors -----------------------------------------------------------------------------------

    def _at(self, node: Operand) -> str:
        return self._definition.source[node.span.start : node.span.end].strip()

    def _error(self, span: Span, reason: str) -> TemplateError:
        source, name = self._definition.source, self._definition.name
        text = source[span.start : span.end].strip()
        return template_error(source, name, span.start, f'executing "{name}" at <{text}>: {reason}')
