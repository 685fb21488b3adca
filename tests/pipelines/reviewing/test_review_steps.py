"""What `review up RUN` says is left to do until a run's pairs are on the server."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from prefmill.pipelines.embedded_argilla.steps import reviewed_at, steps
from prefmill.pipelines.reviewing.plan import plan
from prefmill.schemas.errors import UserError

URL = "http://127.0.0.1:6900"
KEY = "export ARGILLA_API_KEY=$(prefmill review key)"


def _review_at(directory: Path, url: str) -> None:
    path = directory / "recipe.yaml"
    recipe = yaml.safe_load(path.read_text())
    recipe["review"] = {"desk": {"desk": "argilla", "url": url}}
    path.write_text(yaml.safe_dump(recipe))


def test_each_step_goes_once_it_is_done(directory: Path) -> None:
    desk = f'set review.desk in {directory}/recipe.yaml to {{desk: argilla, url: "{URL}"}}'
    push = f"prefmill review push {directory} --annotator"
    ask = f"prefmill review plan {directory}"
    assert reviewed_at(directory) is None
    assert steps(directory, URL, []) == [desk, ask, "prefmill review users NAME", KEY, f"{push} NAME"]
    assert steps(directory, URL, ["ann", "ben"]) == [desk, ask, KEY, f"{push} ann --annotator ben"]
    _review_at(directory, URL)
    assert reviewed_at(directory) == URL
    assert steps(directory, URL, ["ann"]) == [ask, KEY, f"{push} ann"]
    plan(directory)
    assert steps(directory, URL, ["ann"]) == [KEY, f"{push} ann"]
    _review_at(directory, "http://127.0.0.1:6901")
    assert steps(directory, URL, ["ann"])[0] == desk, "the recipe names another server"


def test_a_home_of_ones_own_is_named(directory: Path) -> None:
    found = steps(directory, URL, [], Path("my home"))
    assert "prefmill review users NAME --home 'my home'" in found
    assert "export ARGILLA_API_KEY=$(prefmill review key --home 'my home')" in found


def test_a_run_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere"):
        steps(tmp_path / "nowhere", URL, [])
