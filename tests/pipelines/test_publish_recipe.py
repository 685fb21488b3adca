"""The recipe's `publish:` block: read like the rest, and no part of what a run asks."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from prefmill.pipelines.recipe import as_plain, as_yaml, asked_by
from prefmill.pipelines.recipe_reading import read_recipe
from prefmill.schemas.errors import RecipeError

RECIPE = {
    "name": "r",
    "tasks": {"source": "jsonl", "path": "t.jsonl"},
    "answers": [{"provider": "simulated", "model": name} for name in ("sim-oak-70b", "sim-pine-7b")],
    "judge": {"judge": "judgelm", "teachers": [{"provider": "simulated", "model": "sim-teacher-strong"}]},
}


def written(folder: Path, **more: object) -> Path:
    path = folder / "r.yaml"
    path.write_text(yaml.safe_dump({**RECIPE, **more}))
    return path


def test_it_is_read_written_out_and_not_asked(tmp_path: Path) -> None:
    without = read_recipe(written(tmp_path))
    block = {"repo": "org/name", "private": True, "license": "cc-by-4.0"}
    read = read_recipe(written(tmp_path, publish=block))
    assert without.publish is None and "publish" not in as_plain(without)
    assert as_plain(read)["publish"] == {**block, "language": []}
    assert asked_by(read) == asked_by(without)
    (tmp_path / "again.yaml").write_text(as_yaml(read))
    assert read_recipe(tmp_path / "again.yaml") == read


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ({"repo": "name"}, "publish.repo: OWNER/NAME"),
        ({"repo": "org/name", "licence": "mit"}, "publish.licence: no such key. Known: .*Did you mean 'license'"),
        ({"private": "yes"}, "publish.private: true or false"),
        ([], "publish: "),
        ("org/name", "publish: "),
    ],
)
def test_mistakes_in_it_are_lines(tmp_path: Path, block: object, said: str) -> None:
    with pytest.raises(RecipeError, match=rf"r\.yaml: {said}"):
        read_recipe(written(tmp_path, publish=block))
