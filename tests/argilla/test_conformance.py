"""argilla-server's own tests of its search engines, on the embedded engine, against the list in `conformance.txt`.

The tests are in the sdist of argilla-server 2.8.0, which pip downloads; what they need besides the managed environment
is installed into a folder of its own. Both need a package index: where there is none, this is skipped.
"""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from prefmill.pipelines.embedded_argilla.environment import FOLDER

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

HERE = Path(__file__).parent
TOOLS = ("pytest<8", "pytest-asyncio~=0.21.1", "pytest-mock", "factory-boy~=3.2.1", "respx")
"""Of argilla-server 2.8.0's pyproject.toml, `dev-dependencies.test`, those that these tests use."""


@pytest.fixture(name="upstream", scope="module")
def _upstream(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked sdist; `tools` beside it holds what its tests import."""
    folder = tmp_path_factory.mktemp("upstream")
    pip = [str(python), "-m", "pip", "--disable-pip-version-check"]
    sdist = ["download", "--no-binary", ":all:", "--no-deps", "--dest", str(folder), "argilla-server==2.8.0"]
    for command in (sdist, ["install", "--target", str(folder / "tools"), *TOOLS]):
        done = subprocess.run([*pip, *command], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"pip {command[0]} failed: {done.stderr.strip().splitlines()[-1:]}")
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as files:
        # Python 3.11.4 and later know filters, and 3.12 wants one.
        files.extraction_filter = getattr(tarfile, "data_filter", None)
        files.extractall(folder)
    return folder / "argilla_server-2.8.0"


def test_upstreams_tests_come_out_as_listed(python: Path, upstream: Path, tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    plugins = [
        f"-p{name}" for name in ("conformance_plugin", "pytest_asyncio.plugin", "pytest_mock", "no:cacheprovider")
    ]
    done = subprocess.run(
        [str(python), "-m", "pytest", "-q", *plugins, "-k", "not annotator", "tests/unit/search_engine"],
        cwd=upstream,
        env={
            **os.environ,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTHONPATH": os.pathsep.join([str(upstream.parent / "tools"), str(HERE), str(upstream)]),
            "PREFMILL_ARGILLA": str(FOLDER),
            "CONFORMANCE_RESULTS": str(results),
            "ARGILLA_HOME_PATH": str(tmp_path),
            "ARGILLA_SEARCH_ENGINE": "elasticsearch",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "TMPDIR": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert results.exists(), done.stdout + done.stderr
    found = {name: outcome for name, outcome, _ in map(json.loads, results.read_text().splitlines())}
    lines = (HERE / "conformance.txt").read_text().splitlines()
    expected = {}
    for line in lines:
        if not line.startswith("#"):
            outcome, _, name = line.partition("  # ")[0].partition(" ")
            expected[name] = outcome
    assert found == expected, done.stdout
    assert list(expected.values()).count("passed") == 93


def test_each_exception_is_explained() -> None:
    lines = (HERE / "conformance.txt").read_text().splitlines()
    assert all(line.startswith(("passed ", "#")) or line.partition("  # ")[2] for line in lines)
