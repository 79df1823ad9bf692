"""`WRITERS`: format -> how objectives are written in it; nothing is lost without being named."""

from __future__ import annotations

import yaml

from slo.specs.writers import native, openslo, pyrra, sloth
from slo.specs.writers.interface import Writer, Written, without_composites

WRITERS: dict[str, Writer] = {
    "tocsin": native.write,
    "openslo": without_composites(openslo.write),
    "pyrra": without_composites(pyrra.write),
    "sloth": without_composites(sloth.write),
}


def as_yaml(written: Written) -> str:
    """The documents as one text."""
    return yaml.safe_dump_all(
        list(written.documents), sort_keys=False, allow_unicode=True, width=1000
    )
