"""Protobuf message classes from a table of fields, without generated code.

A schema is written as text, one message a line: `Name: kind name=number, kind* name=number`, where
a star repeats and a kind is one of protobuf's or a message of the same schema. A star on numbers
packs them, as proto3 does; readers take both forms.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

_KINDS = {
    "bytes": FieldDescriptorProto.TYPE_BYTES,
    "double": FieldDescriptorProto.TYPE_DOUBLE,
    "int32": FieldDescriptorProto.TYPE_INT32,
    "int64": FieldDescriptorProto.TYPE_INT64,
    "uint32": FieldDescriptorProto.TYPE_UINT32,
    "uint64": FieldDescriptorProto.TYPE_UINT64,
    "sint32": FieldDescriptorProto.TYPE_SINT32,
    "sint64": FieldDescriptorProto.TYPE_SINT64,
    "string": FieldDescriptorProto.TYPE_STRING,
}

Message = Any
"""A message class or one of its objects: protobuf publishes no types for them."""


def message_classes(package: str, schema: str) -> Mapping[str, Message]:
    """A class for each message of a schema, by name.

    A kind that ends in `?` tells an absent field from a default one (`HasField`).
    """
    file = FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    for line in schema.strip().splitlines():
        name, _, fields = line.partition(":")
        message = file.message_type.add(name=name.strip())
        for field in filter(None, (one.strip() for one in fields.split(","))):
            _add_field(message, package, field)
    pool = DescriptorPool()
    pool.Add(file)
    return {
        one.name: GetMessageClass(pool.FindMessageTypeByName(f"{package}.{one.name}"))
        for one in file.message_type
    }


def _add_field(message: Message, package: str, text: str) -> None:
    kind, _, rest = text.partition(" ")
    name, _, number = rest.partition("=")
    plain = kind.rstrip("*?")
    field = message.field.add(name=name.strip(), number=int(number))
    field.label = (
        FieldDescriptorProto.LABEL_REPEATED
        if kind.endswith("*")
        else FieldDescriptorProto.LABEL_OPTIONAL
    )
    if plain in _KINDS:
        field.type = _KINDS[plain]
    else:
        field.type, field.type_name = FieldDescriptorProto.TYPE_MESSAGE, f".{package}.{plain}"
    if kind.endswith("?"):
        field.proto3_optional = True
        field.oneof_index = len(message.oneof_decl)
        message.oneof_decl.add(name=f"_{field.name}")
