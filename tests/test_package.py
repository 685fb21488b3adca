"""What importing costs, and what the wheel holds."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("schemas", "generators", "curation", "pipelines")
HEAVY = ("distilabel", "openai", "datasets", "pyarrow", "aiohttp", "numpy", "pandas", "transformers", "torch")
"""Packages that take longer to import than prefmill itself."""


def imported(code: str, folder: Path) -> set[str]:
    """The heavy packages that a fresh interpreter has imported after running some code."""
    script = (
        "import contextlib, json, sys\n"
        "with contextlib.redirect_stdout(sys.stderr), contextlib.suppress(SystemExit):\n"
        f"    {code}\n"
        f"sys.stdout.write(json.dumps(sorted({{name.partition('.')[0] for name in sys.modules}} & set({HEAVY!r}))))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


RECIPE = """
name: r
tasks: {source: jsonl, path: t.jsonl}
answers: [{provider: simulated, model: sim-oak-70b}, {provider: openai, model: m}]
judge: {judge: judgelm, protocol: both_orders, teachers: [{provider: simulated, model: sim-teacher-strong}]}
filters: [refusals, {filter: minimum_margin, margin: 1}]
exports: [judgelm, preference]
"""
READS_A_RECIPE = {"aiohttp"}
"""What a provider's own file may import: it is loaded where a recipe names it."""
CODE = [
    "import prefmill",
    "from prefmill.cli import main; main(['--help'])",
    "from prefmill.cli import main; main(['run', '--help'])",
    "from prefmill.cli import main; main(['list'])",
    "from prefmill.cli import main; main(['new', 'new.yaml'])",
    "from prefmill.cli import main; main(['check', 'r.yaml'])",
    "from prefmill.cli import main; main(['run', 'wrong.yaml'])",
    "from prefmill.cli import main; main(['run', 'none.yaml'])",
]


@pytest.mark.parametrize("code", CODE)
def test_nothing_heavy_is_imported_before_it_is_needed(tmp_path: Path, code: str) -> None:
    (tmp_path / "r.yaml").write_text(RECIPE)
    (tmp_path / "wrong.yaml").write_text(RECIPE + "sede: 3\n")
    (tmp_path / "t.jsonl").write_text('{"instruction": "Hello?"}\n')
    assert imported(code, tmp_path) <= (READS_A_RECIPE if ".yaml'" in code else set())


def test_the_check_would_notice(tmp_path: Path) -> None:
    assert imported("import pyarrow", tmp_path) >= {"pyarrow"}


@pytest.fixture(name="wheel", scope="module")
def _wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("prefmill-*.whl")
    return zipfile.ZipFile(wheel)


@pytest.mark.slow
def test_the_wheel_holds_the_whole_package(wheel: zipfile.ZipFile) -> None:
    sources = {f"prefmill/{path.relative_to(ROOT / 'src/prefmill')}" for path in _files(ROOT / "src/prefmill")}
    for folder in FOLDERS:
        sources |= {f"prefmill/{path.relative_to(ROOT)}" for path in _files(ROOT / folder)}
    assert {"prefmill/py.typed", "prefmill/cli.py", "prefmill/pipelines/recipes/tasks.jsonl"} <= sources
    assert {name for name in wheel.namelist() if ".dist-info/" not in name} == sources
    entry_points = next(name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    assert "prefmill = prefmill.cli:main" in wheel.read(entry_points).decode()


@pytest.mark.slow
def test_the_wheel_runs_where_there_is_no_checkout(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    """Imported from the wheel itself; everything else comes from the environment of the tests."""
    site = tmp_path / "site"
    wheel.extractall(site)
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r})\n"
        f"import prefmill; assert prefmill.__file__.startswith({str(site)!r}), prefmill.__file__\n"
        "from prefmill.cli import main; main(['new'])"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "recipe.yaml").is_file()


def _files(folder: Path) -> list[Path]:
    """Every file below a folder but bytecode; links to folders are not followed."""
    return [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
