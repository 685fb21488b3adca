"""The source whose tasks models write: its recipe entry both ways, its seeds, and what is told about mistakes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from prefmill.generators.providers.openai import OpenAI
from prefmill.generators.sources import Source
from prefmill.generators.sources._seed_rubrics import read_seed_rubrics
from prefmill.generators.sources.authored import Authored
from prefmill.schemas.errors import SourceError
from prefmill.schemas.plugins import load

MODEL = {"provider": "openai", "model": "m", "base_url": "http://localhost:1/v1"}
ENTRY: dict[str, Any] = {"rubrics": {"seeds": "seeds.jsonl", "wanted": 3}, "author": MODEL}
LINE = {"criteria": "Is it right?", "levels": ["No.", "Half.", "Yes."]}


def _seeds(folder: Path, *lines: object) -> Path:
    path = folder / "seeds.jsonl"
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")
    return path


def test_an_entry_is_read_and_written_again() -> None:
    source = load(Source, "authored").model_validate({**ENTRY, "reference": {**MODEL, "name": "strong"}})
    assert isinstance(source, Authored)
    assert isinstance(source.author, OpenAI)
    assert [provider.label for provider in source.authors()] == ["m", "strong"]
    plain = source.model_dump(mode="json")
    assert (plain["author"]["provider"], plain["reference"]["name"]) == ("openai", "strong")
    assert Authored.model_validate(json.loads(json.dumps(plain))) == source


def test_one_model_may_do_both() -> None:
    for entry in (ENTRY, {**ENTRY, "reference": MODEL}):
        source = Authored.model_validate(entry)
        assert [provider.label for provider in source.authors()] == ["m"]


@pytest.mark.parametrize(
    ("fields", "where", "why"),
    [
        ({"author": {**MODEL, "provider": "opnai"}}, ("author",), "no provider named 'opnai'.* Did you mean 'openai'"),
        ({"author": {"model": "m"}}, ("author",), "which provider\\?"),
        ({"author": {**MODEL, "modle": "x"}}, ("author", "modle"), "Extra inputs"),
        ({"author": {**MODEL, "samples": 2}}, (), "author.samples: it is asked once"),
        ({"author": {"provider": "recorded", "path": "x.jsonl", "model": "m"}}, (), "holds answers and writes nothing"),
        ({"reference": {**MODEL, "sampling": {"temperature": 0}}}, (), "both called 'm'"),
        ({"rubrics": {"seeds": "s", "wanted": 0}}, ("rubrics", "wanted"), "greater than or equal to 1"),
        ({"rubrics": {"seeds": "s", "wanted": 3, "drafts": 2}}, ("rubrics",), "drafts must be at least wanted, 3"),
        ({"fields": {"instruction": "question"}}, (), "there are no columns"),
    ],
)
def test_mistakes_are_told_where_they_are(fields: dict[str, Any], where: tuple[str, ...], why: str) -> None:
    with pytest.raises(ValidationError, match=why) as wrong:
        Authored.model_validate({**ENTRY, **fields})
    assert wrong.value.errors()[0]["loc"] == where


def test_the_seeds_are_looked_up_from_the_recipes_folder(tmp_path: Path) -> None:
    source = Authored.model_validate(ENTRY).at(tmp_path)
    with pytest.raises(SourceError, match="no such file"):
        source.check()
    _seeds(tmp_path, *[{**LINE, "criteria": f"Is it {word}?"} for word in ("right", "kind", "short", "new")])
    source.check()
    assert list(source.tasks()) == []
    assert len(list(source.places())) == 60
    assert len(list(source.model_copy(update={"limit": 7}).places())) == 7


def test_seed_rubrics_are_read(tmp_path: Path) -> None:
    (first, second) = read_seed_rubrics(_seeds(tmp_path, LINE, "", {**LINE, "criteria": "Is it kind?"}), 2)
    assert (first.criteria, second.criteria) == ("Is it right?", "Is it kind?")
    assert [(level.score, level.description) for level in first.levels] == [(1, "No."), (2, "Half."), (3, "Yes.")]


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ([LINE, "{"], r"seeds.jsonl:2: not JSON"),
        ([LINE, "[1]"], r"seeds.jsonl:2: a seed rubric is a mapping"),
        ([{"criteria": "Is it right?"}], r"seeds.jsonl:1: levels: at least two scores must be described \(got \[\]\)"),
        ([{"levels": ["a", "b"]}], r"seeds.jsonl:1: rubric.criteria is missing"),
        ([LINE, {**LINE, "levels": ["a", "b"]}], r"seeds.jsonl:2: .* \[1, 2\], those of the first line \[1, 2, 3\]"),
        ([LINE], r"seeds.jsonl: 1 seed rubrics, and 2 are shown for each new one"),
    ],
)
def test_what_is_wrong_with_seeds(tmp_path: Path, lines: list[object], why: str) -> None:
    with pytest.raises(SourceError, match=why):
        read_seed_rubrics(_seeds(tmp_path, *lines), 2)
