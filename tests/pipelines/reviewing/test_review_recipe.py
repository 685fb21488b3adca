"""The recipe's `review:` block: read, written out, told in one line where it is wrong, and free to change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from prefmill.curation.desks import Asked
from prefmill.curation.desks.jsonl import Jsonl
from prefmill.pipelines.recipe import as_plain, as_yaml, asked_by
from prefmill.pipelines.recipe_reading import read_recipe
from prefmill.pipelines.reviewing.settings import GUIDELINES, Reviewing, Sizes
from prefmill.schemas.errors import RecipeError

from .people import write_recipe

BLOCK = {"desk": "jsonl", "sample": {"audit": 300, "share": 0.1, "of": "judged"}, "double": 0.2, "blind": False}


def test_the_block_is_read_and_written_out(tmp_path: Path) -> None:
    read = read_recipe(write_recipe(tmp_path, review=BLOCK))
    assert read.review == Reviewing(sample=Sizes(audit=300, share=0.1, of="judged"), double=0.2, blind=False)
    assert isinstance(read.review.desk, Jsonl)
    assert read_recipe(write_recipe(tmp_path, review={**BLOCK, "desk": {"desk": "jsonl"}})) == read
    plain = as_plain(read)["review"]
    assert (plain["desk"], plain["gold"], plain["guidelines"]) == ({"desk": "jsonl"}, 0.03, GUIDELINES)
    again = tmp_path / "again.yaml"
    again.write_text(as_yaml(read))
    assert read_recipe(again) == read


def test_what_annotators_are_asked_besides(tmp_path: Path) -> None:
    asked = {"ratings": [1, 5], "criteria": ["helpful", "not harmful"], "merge": "dawid_skene"}
    read = read_recipe(write_recipe(tmp_path, review={**BLOCK, **asked}))
    assert read.review is not None
    assert read.review.asked == Asked(scale=(1, 5), criteria=("helpful", "not harmful"))
    assert read.review.merge == "dawid_skene"
    again = tmp_path / "again.yaml"
    again.write_text(as_yaml(read))
    assert read_recipe(again) == read
    assert Reviewing().asked == Asked()


def test_it_may_change_and_may_be_left_out(tmp_path: Path) -> None:
    without = read_recipe(write_recipe(tmp_path))
    assert without.review is None
    assert "review" not in as_plain(without)
    assert asked_by(read_recipe(write_recipe(tmp_path, review=BLOCK))) == asked_by(without)


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ([], "review: "),
        ({"desk": "argile"}, "review.desk: no desk named 'argile'. Known: "),
        ({"desk": {"path": "x"}}, "review.desk: which desk? Give desk: NAME."),
        ({"sample": {"audits": 3}}, "review.sample.audits: no such key"),
        ({"double": 2}, "review.double: "),
        ({"blinded": True}, "review.blinded: no such key"),
        ({"ratings": [5, 1]}, "review.ratings: "),
        ({"ratings": [0, 11]}, "from a lower to a higher number, from 0 to 10 at most"),
        ({"ratings": [1, 2, 3]}, "review.ratings"),
        ({"ratings": 5}, "review.ratings: "),
        ({"criteria": ["a", "A"]}, "review.criteria: 'A' stands there twice"),
        ({"criteria": [" a"]}, "review.criteria: ' a' begins or ends with a blank"),
        ({"criteria": ["a", ""]}, "review.criteria"),
        ({"criteria": "helpful"}, "review.criteria: "),
        ({"criteria": [f"c{number}" for number in range(11)]}, "review.criteria: "),
        ({"merge": "mean"}, "review.merge: "),
    ],
)
def test_mistakes_are_told_in_a_line(tmp_path: Path, block: Any, message: str) -> None:  # noqa: ANN401 - YAML
    path = write_recipe(tmp_path)
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), "review": block}))
    with pytest.raises(RecipeError) as caught:
        read_recipe(path)
    (line,) = caught.value.lines
    assert message in line
