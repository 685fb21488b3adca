"""A finished run that nobody has reviewed, made once; each test gets a copy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from prefmill.pipelines.recipe_reading import read_recipe
from prefmill.pipelines.run import run

from .people import write_recipe


@pytest.fixture(name="finished", scope="session")
def _finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("people")
    run(read_recipe(write_recipe(folder)), folder / "run")
    return folder


@pytest.fixture(name="directory")
def _directory(finished: Path, tmp_path: Path) -> Path:
    """The copy's run directory; its recipe and tasks lie beside it."""
    shutil.copytree(finished, tmp_path / "own")
    return tmp_path / "own" / "run"
