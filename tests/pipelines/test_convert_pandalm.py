"""PandaLM's published test set through another format and back, where it lies beside the checkout."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from prefmill.generators.records.format_files import format_named
from prefmill.pipelines.convert import convert

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "pandalm" / "testset-v1.json"

pytestmark = [
    pytest.mark.replay,
    pytest.mark.skipif(not DATA.is_file(), reason="no PandaLM test set beside the checkout"),
]


def test_it_comes_back_but_for_what_was_told(tmp_path: Path) -> None:
    pandalm, other = format_named("pandalm", "--from"), format_named("mt_bench_human", "--to")
    there = convert(pandalm, other, DATA, tmp_path / "there")
    assert (there.count.entered, there.count.kept) == (999, 993)
    assert set(there.left_out) == {"source_id", "category"}
    assert there.failed is not None
    failed = [orjson.loads(line)["row_id"] for line in there.failed.read_bytes().splitlines()]
    assert failed == [f"testset-v1.json:{idx + 1} (idx {idx})" for idx in (157, 158, 159, 161, 162, 164)]
    convert(other, pandalm, tmp_path / "there", tmp_path / "back")
    published = [row for row in orjson.loads(DATA.read_bytes()) if isinstance(row["response1"], str)]
    published = [row for row in published if isinstance(row["response2"], str)]
    again = orjson.loads((tmp_path / "back" / "pandalm_test.json").read_bytes())
    kept = [key for key in published[0] if key not in ("idx", "motivation_app")]
    assert [[row[key] for key in kept] for row in again] == [[row[key] for key in kept] for row in published]
