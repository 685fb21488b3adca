"""Plug-ins: found by their file's name, loaded only when named, and offered by other packages through entry points."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from prefmill.curation.desks import Desk
from prefmill.curation.filters import Filter
from prefmill.generators.judges import Judge
from prefmill.generators.protocols import Protocol
from prefmill.generators.providers import Provider
from prefmill.generators.sources import Source
from prefmill.schemas.errors import UnknownPlugin
from prefmill.schemas.formats import Format
from prefmill.schemas.plugins import KINDS, Plugin, load, names

BASES: tuple[type[Plugin], ...] = (Source, Provider, Judge, Protocol, Filter, Format, Desk)
SHIPPED = [(base, name) for base in BASES for name in names(base.kind)]


def test_every_kind_has_a_base_class_and_plugins() -> None:
    assert {base.kind for base in BASES} == set(KINDS)
    assert {base for base, _ in SHIPPED} == set(BASES)


@pytest.mark.parametrize(("base", "name"), SHIPPED, ids=lambda value: value if isinstance(value, str) else value.kind)
def test_a_shipped_plugin_is_complete(base: type[Plugin], name: str) -> None:
    found = load(base, name)
    assert issubclass(found, base)
    assert found is not base
    assert found.plugin_name() == name
    assert found.model_config["frozen"]
    assert found.model_config["extra"] == "forbid"
    assert found.__doc__
    assert found.__doc__ != base.__doc__
    undescribed = [key for key, field in found.model_fields.items() if not field.description]
    assert not undescribed, f"fields without a text under them: {undescribed}"
    assert {name.partition(".")[0] for name in found.operational} <= set(found.model_fields)


@pytest.mark.parametrize(("base", "name"), SHIPPED, ids=lambda value: value if isinstance(value, str) else value.kind)
def test_a_file_holds_one_plugin(base: type[Plugin], name: str) -> None:
    module = sys.modules[load(base, name).__module__]
    own = [v for v in vars(module).values() if isinstance(v, type) and v.__module__ == module.__name__]
    assert len([value for value in own if issubclass(value, base)]) == 1


def test_an_unknown_name_is_told_with_the_nearest() -> None:
    with pytest.raises(
        UnknownPlugin, match=r"^no judge named 'judgeml'\. Known: .*judgelm.*\. Did you mean 'judgelm'\?$"
    ):
        load(Judge, "judgeml")
    for name in ("", "_settling", "../judges/judgelm", "judges.judgelm"):
        with pytest.raises(UnknownPlugin):
            load(Judge, name)


def test_names_are_found_without_importing(tmp_path: Path) -> None:
    said = _python(
        tmp_path,
        "from prefmill.schemas.plugins import KINDS, names; import sys\n"
        "found = {kind: names(kind) for kind in KINDS}\n"
        "say([module for kind, folder in KINDS.items() for name in found[kind]"
        " if (module := f'prefmill.{folder}.{name}') in sys.modules])",
    )
    assert said == []


FIRST = '''"""Always the first answer."""

from prefmill.generators.judges import Judge, Reading


class Says(Judge):
    """Scores the first answer 10 and all others 1."""

    def ask(self, task, answers, with_reference):
        return task.messages

    def read(self, reply, answers):
        return Reading((10.0, *[1.0] * (answers - 1)), reply)
'''


@pytest.fixture(name="outside")
def _outside(tmp_path: Path) -> Path:
    """A folder with an installed package that offers judges: a good one, and some that are not."""
    package, metadata = tmp_path / "others", tmp_path / "others-1.0.dist-info"
    package.mkdir()
    metadata.mkdir()
    (package / "__init__.py").write_text("")
    (package / "first.py").write_text(FIRST)
    (package / "judgelm.py").write_text(FIRST)
    (package / "hollow.py").write_text('"""Nothing in it."""\n')
    (package / "greedy.py").write_text("import no_such_package\n")
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: others\nVersion: 1.0\n")
    offered = "first = others.first\njudgelm = others.judgelm\nhollow = others.hollow\ngreedy = others.greedy\n"
    (metadata / "entry_points.txt").write_text(f"[prefmill.judges]\n{offered}second = others.first\n")
    return tmp_path


def test_another_packages_judge(outside: Path) -> None:
    said = _python(
        outside,
        "from prefmill.schemas.plugins import load, names; from prefmill.generators.judges import Judge\n"
        "found = load(Judge, 'first')\n"
        "say([names('judge'), found.plugin_name(), found().read('x', 3).scores, load(Judge, 'judgelm').__module__])",
    )
    listed, name, scores, ours = said
    assert {"first", "judgelm", "hollow"} <= set(listed)
    assert (name, scores) == ("first", [10, 1, 1])
    assert ours == "prefmill.generators.judges.judgelm"


def test_what_is_wrong_with_another_packages_judge(outside: Path) -> None:
    said = _python(
        outside,
        "from prefmill.schemas.errors import UnknownPlugin\n"
        "from prefmill.schemas.plugins import load; from prefmill.generators.judges import Judge\n"
        "lines = []\n"
        "for name in ('hollow', 'greedy', 'second'):\n"
        "    try: load(Judge, name)\n"
        "    except UnknownPlugin as error: lines.append(str(error))\n"
        "say(lines)",
    )
    assert said == [
        "others.hollow defines no Judge. See CONTRIBUTING.md.",
        "the judge 'greedy' cannot be imported (No module named 'no_such_package').",
        "the judge 'second' must be called like its module, others.first.",
    ]


def test_a_recipe_names_another_packages_judge(outside: Path) -> None:
    (outside / "r.yaml").write_text(
        "name: r\n"
        "tasks: {source: jsonl, path: t.jsonl}\n"
        "answers: [{provider: simulated, model: sim-oak-70b, samples: 2}]\n"
        "judge: {judge: first, teachers: [{provider: simulated, model: sim-teacher-strong}]}\n"
    )
    (outside / "t.jsonl").write_text('{"instruction": "Hello?"}\n')
    done = subprocess.run(
        [sys.executable, "-m", "prefmill", "check", "r.yaml"],
        cwd=outside, env={**os.environ, "PYTHONPATH": str(outside)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def _python(path: Path, code: str) -> list[Any]:
    """What a fresh interpreter says, with `path` in front of its packages."""
    script = f"import json, sys\ndef say(value): sys.stdout.write(json.dumps(value))\n{code}"
    done = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": str(path)}, capture_output=True, check=True
    )
    said = json.loads(done.stdout)
    assert isinstance(said, list)
    return said
