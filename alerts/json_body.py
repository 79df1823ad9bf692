"""JSON that someone posted, as values that can be stored and shown; it knows nothing of alerts."""

from __future__ import annotations

import json
import re

from collector.model.errors import InputError

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def decoded(raw: bytes) -> object:
    """The value of a JSON text; half a surrogate pair becomes U+FFFD, as in Go.

    Left as it is, half a pair is a string that can't be written: neither to disk nor into a page.
    Raises InputError for what is not JSON, or is nested deeper than Python's parser goes.
    """
    try:
        value: object = json.loads(raw)
        if _SURROGATE.search(raw):
            text = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
            value = json.loads(text.decode("utf-8", "replace"))
    except ValueError as error:
        raise InputError(f"the body is not JSON: {error}") from error
    except RecursionError as error:
        raise InputError("the body is nested too deeply") from error
    return value
