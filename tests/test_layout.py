"""The layout's own promises."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("schemas", "generators", "curation", "pipelines")


def test_no_source_imports_a_root_folder() -> None:
    """`import schemas` would work from a checkout and nowhere else."""
    pattern = re.compile(rf"^\s*(?:import|from) (?:{'|'.join(FOLDERS)})\b", re.MULTILINE)
    sources = [path for folder in (*FOLDERS, "tests") for path in (ROOT / folder).rglob("*.py")]
    assert sources
    assert not [str(path) for path in sources if pattern.search(path.read_text())]
