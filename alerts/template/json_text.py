"""`toJson`: template values as Go's encoding/json writes them.

Source: https://pkg.go.dev/encoding/json#Marshal (keys of maps sorted, `<`, `>` and `&` escaped).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence

from collector.gotemplate import StringMap, Typed
from collector.gotemplate.values import plain, type_name

_TAGS = {
    "ExternalURL": "externalURL",
    "GeneratorURL": "generatorURL",
    "NotificationReason": "notification_reason",
}
_UNTAGGED = {"template.Pair"}
_ESCAPES = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}
RFC3339_NANO = "2006-01-02T15:04:05.999999999Z07:00"


def to_json(value: object) -> str:
    """The JSON of a value; raises ValueError for what JSON can't say."""
    text = json.dumps(_jsonable(value), ensure_ascii=False, separators=(",", ":"))
    return text.translate(_ESCAPES)


def _jsonable(value: object) -> object:
    if isinstance(value, Typed) and value.type_name == "time.Time":
        return value.methods["Format"](RFC3339_NANO)
    if isinstance(value, Typed) and value.fields is not None:
        return {_key(value, name): _jsonable(one) for name, one in value.fields.items()}
    inner = plain(value)
    match inner:
        case StringMap() | Mapping():
            return {str(key): _jsonable(inner[key]) for key in sorted(inner, key=str)}
        case str() | bool() | int() | None:
            return inner
        case float() if math.isfinite(inner):
            return int(inner) if inner.is_integer() and abs(inner) < 1e21 else inner
        case Sequence():
            return [_jsonable(one) for one in inner]
    raise ValueError(f"json: unsupported value of type {type_name(value)}")


def _key(value: Typed, name: str) -> str:
    if value.type_name in _UNTAGGED:
        return name
    return _TAGS.get(name) or name[0].lower() + name[1:]
