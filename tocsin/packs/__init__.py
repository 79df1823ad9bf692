"""One folder per watched system, as data: scrape jobs, objectives, boards in YAML."""

from __future__ import annotations

from pathlib import Path

PACKS = Path(__file__).parent
EMBEDDED_CONFIG = PACKS / "tocsin" / "tocsin.yaml"
"""What `tocsin up` runs with when it is given no file: tocsin itself and the machine it runs on."""
