"""The files of a team's Argilla server: form, secrets, and what is never overwritten. No container is run here."""

from __future__ import annotations

import copy
import json
import re
import shlex
import stat
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from prefmill.cli import main
from prefmill.pipelines.team_argilla.services import document
from prefmill.pipelines.team_argilla.writing import Written, write
from prefmill.schemas.errors import UserError

SCHEMA = Path(__file__).parents[1] / "golden" / "compose" / "compose-spec.json"
VARIABLE = re.compile(r"(?<!\$)\$\{([A-Za-z_]+):\?[^}]+\}")
"""As Compose reads it: `$$` is a dollar sign."""


@pytest.fixture(name="written")
def _written(tmp_path: Path) -> Written:
    return write(tmp_path / "team", ["ann", "b.e-n"], host_port=7000)


@pytest.fixture(name="validator", scope="module")
def _validator() -> jsonschema.Draft202012Validator:
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def _read(written: Written) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(written.files[0].read_text())
    return found


def _secrets(written: Written) -> dict[str, str]:
    lines = [line for line in written.files[1].read_text().splitlines() if not line.startswith("#")]
    return {name: shlex.split(value)[0] for name, _, value in (line.partition("=") for line in lines)}


def test_it_is_a_compose_file(written: Written, validator: jsonschema.Draft202012Validator) -> None:
    assert [error.message for error in validator.iter_errors(_read(written))] == []
    assert _read(written) == document(7000), "what YAML reads is what was meant"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("services", "server", "image"), 8),
        (("services", "server", "imagee"), "argilla"),
        (("services", "redis", "healthcheck", "interval"), ["10s"]),
        (("services", "setup", "depends_on", "postgres", "condition"), "service_happy"),
        (("volume",), {}),
    ],
)
def test_a_broken_document_would_be_seen(
    written: Written, validator: jsonschema.Draft202012Validator, path: tuple[str, ...], value: object
) -> None:
    broken = copy.deepcopy(_read(written))
    place = broken
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    assert not validator.is_valid(broken)


def test_secrets_are_in_env_alone_and_all_of_them_are_there(written: Written) -> None:
    compose, env = written.files
    text, known = compose.read_text(), _secrets(written)
    assert stat.S_IMODE(env.stat().st_mode) == 0o600
    assert set(VARIABLE.findall(text)) == set(known)
    assert text.count("${") == len(VARIABLE.findall(text)), "every variable says what is missing"
    passwords = json.loads(known["TEAM_ANNOTATORS"])
    values = [*(value for name, value in known.items() if name != "TEAM_ANNOTATORS"), *passwords.values()]
    assert list(passwords) == ["ann", "b.e-n"]
    assert len(set(values)) == len(values) == 6
    assert min(map(len, values)) >= 20
    assert not [value for value in values if value in text]
    assert not any(character in "".join(values) for character in "$#'\"/:@ "), "they stand in addresses and in .env"


def test_images_are_pinned_and_nothing_but_the_server_is_reached(written: Written) -> None:
    services = _read(written)["services"]
    assert all(re.search(r":v?\d+(\.\d+)+$", service["image"]) for service in services.values())
    assert {name: service["ports"] for name, service in services.items() if "ports" in service} == {
        "server": ["127.0.0.1:7000:6900"]
    }
    assert {name for name, service in services.items() if "outside" in service["networks"]} == {"server", "worker"}
    assert _read(written)["networks"]["inside"] == {"internal": True}


def test_what_is_waited_for_is_there_and_has_a_health_check(written: Written) -> None:
    found = _read(written)
    services = found["services"]
    for service in services.values():
        for name, waits in service.get("depends_on", {}).items():
            healthy = waits["condition"] == "service_healthy"
            assert ("healthcheck" in services[name]) == healthy
            assert (services[name]["restart"] == "no") == (not healthy), "only what ends can be waited for to end"
        assert {mount.partition(":")[0] for mount in service.get("volumes", ())} <= set(found["volumes"])
        assert set(service["networks"]) <= set(found["networks"])
    assert set(services["server"]["depends_on"]) == {"setup", "postgres", "elasticsearch", "redis"}


def test_the_setup_runs_the_file_as_it_is(written: Written) -> None:
    *python, script = _read(written)["services"]["setup"]["command"]
    source = Path(__file__).parents[2] / "pipelines" / "team_argilla" / "setup_script.py"
    assert python == ["python", "-c"]
    assert script.replace("$$", "$") == source.read_text()
    compile(script, "setup", "exec")


@pytest.mark.parametrize("left", [0, 1])
def test_what_is_there_is_never_overwritten(written: Written, left: int) -> None:
    before = written.files[left].read_bytes()
    written.files[1 - left].unlink()
    with pytest.raises(UserError, match=rf"^{re.escape(str(written.files[left]))}: is there already, and is kept"):
        write(written.files[0].parent)
    assert written.files[left].read_bytes() == before
    assert not written.files[1 - left].exists()


def test_two_servers_share_no_secret(written: Written, tmp_path: Path) -> None:
    other = _secrets(write(tmp_path / "other", ["ann", "b.e-n"]))
    assert not set(other.values()) & set(_secrets(written).values())


@pytest.mark.parametrize("name", ["owner", "a b", "../up", "-x", ""])
def test_a_name_that_cannot_be_one_is_refused_before_anything_is_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError):
        write(tmp_path / "team", [name])
    assert not (tmp_path / "team").exists()


def test_the_verb_says_what_is_next_and_shows_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["review", "compose", "--annotator", "ann"])
    told = capsys.readouterr().out
    assert not ended.value.code
    assert told.splitlines() == [
        "wrote argilla-team/docker-compose.yaml",
        "wrote argilla-team/.env: passwords and keys of owner, ann",
        "next: cd argilla-team && docker compose up --detach",
    ]
    with pytest.raises(SystemExit) as ended:
        main(["review", "compose"])
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
    with pytest.raises(SystemExit):
        main(["review", "compose", "--out", "other", "--host-port", "7001", "--json"])
    told_json = json.loads(capsys.readouterr().out)
    assert told_json == {
        "files": ["other/docker-compose.yaml", "other/.env"],
        "url": "http://127.0.0.1:7001",
        "users": ["owner"],
    }
