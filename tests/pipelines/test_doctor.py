"""The doctor against real servers: every red row, and that it is red for the right reason only."""

from __future__ import annotations

import asyncio
import fcntl
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from prefmill.generators.ledger import Call, Ledger
from prefmill.pipelines.checks import Check, machine
from prefmill.pipelines.doctor import doctor
from prefmill.pipelines.recipe_reading import read_recipe
from prefmill.pipelines.run import run
from prefmill.schemas.errors import Stopped, UserError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Serving = Callable[[Handler], AbstractAsyncContextManager[str]]
Completion = Callable[..., dict[str, Any]]

FITTING = '{"wave_count": 3, "colour": "teal"}'
KEY = "sk-very-secret-0123456789"


@dataclass
class Server:
    """An endpoint with the models `m` and `t`; fields make it a bad one."""

    completion: Completion
    under_schema: object = FITTING
    """What it replies to a request with a schema: a text, or a status."""
    key: str | None = None
    models: object = ("m", "t")
    """None: it does not list them."""
    date: str | None = None
    status: int = 200
    known_limit: str = "max_tokens"
    asked: list[dict[str, Any]] = field(default_factory=list)
    requests: Counter[str] = field(default_factory=Counter)

    async def answer(self, http: web.Request) -> web.StreamResponse:
        self.requests[http.method] += 1
        headers = {"Date": self.date} if self.date else {}
        if self.key is not None and http.headers.get("Authorization") != f"Bearer {self.key}":
            said = f"no such key: {http.headers.get('Authorization')}"
            return web.json_response({"error": {"message": said}}, status=401, headers=headers)
        if http.path.endswith("/models"):
            if self.models is None:
                return web.json_response({}, status=404, headers=headers)
            assert isinstance(self.models, tuple)
            listed = [{"id": name, "object": "model", "created": 0, "owned_by": "me"} for name in self.models]
            return web.json_response({"object": "list", "data": listed}, headers=headers)
        body = await http.json()
        self.asked.append(body)
        status, said = self._refusal(body)
        if status != 200:
            return web.json_response({"error": {"message": said}}, status=status, headers=headers)
        reply = self.under_schema if "response_format" in body else "yes"
        return web.json_response(self.completion(reply), headers=headers)

    def _refusal(self, body: dict[str, Any]) -> tuple[int, str]:
        """Status and message for a call that is not answered; 200 for one that is."""
        if self.status != 200:
            return self.status, "as planted"
        if self.known_limit not in body:
            return 400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
        if "response_format" in body and isinstance(self.under_schema, int):
            return self.under_schema, "no response_format here"
        return 200, ""


@pytest.fixture(name="server")
def _server(completion: Completion) -> Server:
    return Server(completion)


def write_recipe(folder: Path, base_url: str, teacher: dict[str, Any] | None = None, **entry: object) -> Path:
    (folder / "tasks.jsonl").write_text('{"id": "a", "instruction": "What is a mill?"}\n')
    endpoint = {"provider": "openai", "base_url": base_url, **entry}
    recipe = {
        "name": "looked-at",
        "tasks": {"source": "jsonl", "path": "tasks.jsonl"},
        "answers": [{**endpoint, "model": "m", "samples": 2}],
        "judge": {
            "judge": "judgelm",
            "protocol": "one_order",
            "teachers": [{**endpoint, "model": "t", **(teacher or {})}],
        },
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return path


async def look(path: Path) -> dict[str, Check]:
    """What was looked at -> its row. In a thread: the test's server is on this loop."""
    checks = await asyncio.to_thread(doctor, path, path.parent / "run")
    assert not any(KEY in repr(check) for check in checks)
    assert all(check.fix for check in checks if check.state == "red")
    return {check.what: check for check in checks}


def seen(serving: Serving, server: Server, folder: Path, **options: Any) -> dict[str, Check]:  # noqa: ANN401 - as `write_recipe`
    async def whole() -> dict[str, Check]:
        async with serving(server.answer) as base_url:
            found = await look(write_recipe(folder, base_url, **options))
            return {what.replace(base_url, "URL"): check for what, check in found.items()}

    return asyncio.run(whole())


def red(found: dict[str, Check]) -> set[str]:
    return {what for what, check in found.items() if check.state == "red"}


def test_all_is_well(serving: Serving, server: Server, tmp_path: Path) -> None:
    found = seen(serving, server, tmp_path)
    assert red(found) == set()
    assert set(found) == {
        "recipe", "tasks", f"run directory {tmp_path / 'run'}", "disk space", "endpoint URL", "clock URL",
        "model m", "model t", "call m", "call t", "JSON schema t", "price m", "price t", "packages",
    }  # fmt: skip
    assert found["call m"].found.endswith(" s, 7+3 tokens")
    assert found["clock URL"].state == "ok"
    assert found["JSON schema t"].found == "enforced"
    assert (found["price m"].state, found["price m"].found) == ("skipped", "not known")
    assert not (tmp_path / "run").exists(), "nothing is written, neither calls nor a directory"
    assert [body["max_tokens"] for body in server.asked if "response_format" not in body] == [16, 16]
    assert len(server.asked) == 3


def test_the_recipes_own_sampling_is_tried(serving: Serving, server: Server, tmp_path: Path) -> None:
    """With the limit that the recipe names, and without what is not asked."""
    server.known_limit = "max_completion_tokens"
    sampling = {"temperature": 0.3, "max_completion_tokens": 900, "min_p": 0.1}
    found = seen(serving, server, tmp_path, sampling=sampling)
    assert red(found) == set()
    assert {body["max_completion_tokens"] for body in server.asked} == {16, 200}
    assert {(body["temperature"], body["min_p"]) for body in server.asked} == {(0.3, 0.1)}


def test_reasoning_models_know_another_limit(serving: Serving, server: Server, tmp_path: Path) -> None:
    server.known_limit = "max_completion_tokens"
    found = seen(serving, server, tmp_path)
    assert red(found) == set()
    assert found["call m"].state == found["JSON schema t"].state == "ok"


def test_an_unset_key(serving: Serving, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCTORS_KEY", raising=False)
    server.key = KEY
    found = seen(serving, server, tmp_path, api_key_env="DOCTORS_KEY")
    assert red(found) == {"key DOCTORS_KEY"}
    assert found["key DOCTORS_KEY"].fix == "export DOCTORS_KEY=…"
    assert found["call m"] == Check("call m", "skipped", "DOCTORS_KEY is not set")
    assert found["endpoint URL"].found.startswith("HTTP 401 ")
    assert server.requests == {"GET": 1}, "nothing is asked without the key"


def test_a_key_that_is_set(serving: Serving, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCTORS_KEY", KEY)
    server.key = KEY
    assert red(seen(serving, server, tmp_path, api_key_env="DOCTORS_KEY")) == set()


def test_a_wrong_key(serving: Serving, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server repeats it; nobody else does (`look`)."""
    monkeypatch.setenv("DOCTORS_KEY", KEY)
    server.key = "another"
    found = seen(serving, server, tmp_path, api_key_env="DOCTORS_KEY")
    assert {"call m", "call t"} <= red(found)
    assert "HTTP 401" in found["call m"].found
    assert found["call m"].fix == "Check the key in DOCTORS_KEY."
    assert found["model m"].state == "skipped"


def test_a_refused_connection(tmp_path: Path) -> None:
    started = time.monotonic()
    found = asyncio.run(look(write_recipe(tmp_path, "http://127.0.0.1:9/v1")))
    assert red(found) == {"endpoint http://127.0.0.1:9/v1"}
    check = found["endpoint http://127.0.0.1:9/v1"]
    assert (check.found, check.fix) == (
        "cannot connect: Connection refused", "Start the server, or correct base_url.",
    )  # fmt: skip
    assert {found[what].state for what in ("model m", "call t", "clock http://127.0.0.1:9/v1")} == {"skipped"}
    assert time.monotonic() - started < 10


def test_an_unknown_model(serving: Serving, server: Server, tmp_path: Path) -> None:
    server.models = ("t", "m-instruct", "other")
    found = seen(serving, server, tmp_path)
    assert red(found) == {"model m"}
    assert found["model m"].found == "no model named 'm'"
    assert found["model m"].fix.startswith("Correct `model`; there are: ")


def test_an_endpoint_that_lists_no_models_is_taken_at_its_word(
    serving: Serving, server: Server, tmp_path: Path
) -> None:
    server.models = None
    found = seen(serving, server, tmp_path)
    assert red(found) == set()
    assert found["model m"].state == "skipped"


@pytest.mark.parametrize(("status", "fix"), [(400, "Correct what"), (429, "Wait, lower"), (503, "Look at the server")])
def test_a_call_that_is_not_answered(serving: Serving, server: Server, tmp_path: Path, status: int, fix: str) -> None:
    server.status = status
    found = seen(serving, server, tmp_path)
    assert red(found) == {"call m", "call t"}
    assert "as planted" in found["call m"].found
    assert found["call m"].fix.startswith(fix)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ("The sea is wide.", "ignored: 'The sea is wide.'"),
        ('{"sea": "wide"}', "ignored: "),
        ('{"wave_count": "3", "colour": "teal"}', "ignored: "),
        (400, "refused: no response_format here"),
    ],
)
def test_a_schema_that_is_not_enforced(
    serving: Serving, server: Server, tmp_path: Path, reply: object, said: str
) -> None:
    """Red where the recipe asks the teacher for JSON, and otherwise good to know."""
    server.under_schema = reply
    found = seen(serving, server, tmp_path)
    assert red(found) == set()
    assert found["JSON schema t"].found.startswith(said)
    assert found["JSON schema t"].found.endswith("nothing in this recipe needs it")
    form = {"type": "json_schema", "json_schema": {"name": "mine", "schema": {"type": "object"}}}
    needed = seen(serving, server, tmp_path, teacher={"sampling": {"extra_body": {"response_format": form}}})
    assert red(needed) == {"JSON schema t"}
    assert needed["JSON schema t"].found.startswith(said)


def test_an_enforced_schema_that_is_needed(serving: Serving, server: Server, tmp_path: Path) -> None:
    form = {"type": "json_object"}
    found = seen(serving, server, tmp_path, teacher={"sampling": {"extra_body": {"response_format": form}}})
    assert red(found) == set()
    assert found["JSON schema t"] == Check("JSON schema t", "ok", "enforced")
    asked = [body["response_format"] for body in server.asked if "response_format" in body]
    assert [form["type"] for form in asked] == ["json_schema"], "with the probe's schema, and not in the tiny call"


@pytest.mark.parametrize(
    ("date", "side"), [("Thu, 01 Jan 2026 00:00:00 GMT", "behind"), ("Fri, 01 Jan 2100 00:00:00 GMT", "ahead of")]
)
def test_a_clock_that_is_wrong(serving: Serving, server: Server, tmp_path: Path, date: str, side: str) -> None:
    server.date = date
    found = seen(serving, server, tmp_path)
    assert red(found) == {"clock URL"}
    assert f" s {side} this machine" in found["clock URL"].found


def test_a_recipe_with_mistakes(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, "http://127.0.0.1:9/v1")
    recipe = yaml.safe_load(path.read_text())
    recipe["judge"]["protocol"] = "both_order"
    recipe["answers"][0]["max_in_flight"] = 0
    path.write_text(yaml.safe_dump(recipe))
    checks = doctor(path)
    assert [check.what for check in checks] == ["recipe", "recipe", "packages"]
    assert all("recipe.yaml: " in check.found for check in checks[:2])


def test_tasks_that_cannot_be_read(serving: Serving, server: Server, tmp_path: Path) -> None:
    async def whole(tasks: str | None) -> dict[str, Check]:
        async with serving(server.answer) as base_url:
            path = write_recipe(tmp_path, base_url)
            if tasks is None:
                (tmp_path / "tasks.jsonl").unlink()
            else:
                (tmp_path / "tasks.jsonl").write_text(tasks)
            return await look(path)

    assert red(asyncio.run(whole(None))) == {"tasks"}
    assert red(asyncio.run(whole('{"instruction": ""}\n'))) == {"tasks"}


def test_a_filter_whose_file_is_missing(serving: Serving, server: Server, tmp_path: Path) -> None:
    async def whole() -> dict[str, Check]:
        async with serving(server.answer) as base_url:
            path = write_recipe(tmp_path, base_url)
            against = {"filter": "decontaminate_answers", "against": [{"file": "held-out.jsonl"}]}
            path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), "filters": ["refusals", against]}))
            found = await look(path)
            asked = len(server.asked)
            with pytest.raises(UserError, match=r"held-out\.jsonl"):
                await asyncio.to_thread(run, read_recipe(path), tmp_path / "run")
            assert len(server.asked) == asked, "nothing is paid for before it is told"
            (tmp_path / "held-out.jsonl").write_text('{"question": "What is a mill, and what is it for?"}\n')
            assert (await look(path))["filters"] == Check("filters", "ok", "refusals, decontaminate_answers")
            return found

    found = asyncio.run(whole())
    assert red(found) == {"filters"}
    assert "held-out.jsonl" in found["filters"].found


def test_a_directory_where_somebody_runs(serving: Serving, server: Server, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with (tmp_path / "run" / "lock").open("a+") as lock:
        lock.write("4711")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = seen(serving, server, tmp_path)
    what = f"run directory {tmp_path / 'run'}"
    assert red(found) == {what}
    assert "process 4711 is running here" in found[what].found


def test_a_directory_of_another_recipe(tmp_path: Path) -> None:
    async def check(path: Path) -> Check:
        return await machine.directory(read_recipe(path), tmp_path / "run")

    path = write_recipe(tmp_path, "http://127.0.0.1:9/v1")
    assert asyncio.run(check(path)).found == "new"
    recipe = yaml.safe_load(path.read_text())
    with pytest.raises((Stopped, ValueError)):
        run(read_recipe(path), tmp_path / "run")
    assert asyncio.run(check(path)).found == "a run lies here"
    path.write_text(yaml.safe_dump({**recipe, "seed": 99}))
    assert asyncio.run(check(path)).state == "ok"  # It never had a reply: nothing was paid for under the old recipe.
    with Ledger.open(tmp_path / "run" / "ledger.sqlite") as ledger:
        asyncio.run(
            ledger.record(Call("k", "answers", "a", "t", 0, "{}", "ok", "text", "stop", 7, 3, None, 1, 0.5, 1.5))
        )
    other = asyncio.run(check(path))
    assert other.state == "red"
    assert "seed: 0 -> 99" in other.found


def test_space_is_measured_against_the_calls(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, "http://127.0.0.1:9/v1")
    check = asyncio.run(machine.space(read_recipe(path), tmp_path / "not" / "there"))
    assert check.found.endswith(" GB free, 1.0 GB wanted for 3 calls")
    path = write_recipe(tmp_path, "http://127.0.0.1:9/v1")
    recipe = yaml.safe_load(path.read_text())
    recipe["answers"][0]["samples"] = 70_000
    path.write_text(yaml.safe_dump(recipe))
    check = asyncio.run(machine.space(read_recipe(path), tmp_path))
    assert check.found.endswith(" GB free, 1.4 GB wanted for 70,001 calls")


def test_recorded_answers_and_the_simulated_world(tmp_path: Path) -> None:
    (tmp_path / "tasks.jsonl").write_text('{"id": "a", "instruction": "What is a mill?"}\n')
    (tmp_path / "old.jsonl").write_text('{"id": "a", "model": "old", "text": "A house."}\n')
    answers: list[dict[str, Any]] = [
        {"provider": "recorded", "path": "old.jsonl", "model": "old"},
        {"provider": "simulated", "model": "sim-oak-70b"},
    ]
    recipe = {
        "name": "s",
        "tasks": {"source": "jsonl", "path": "tasks.jsonl"},
        "answers": answers,
        "judge": {"judge": "judgelm", "teachers": [{"provider": "simulated", "model": "sim-teacher-strong"}]},
    }
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    found = asyncio.run(look(path))
    assert red(found) == set()
    assert found["simulated world"].state == found["answers old"].state == "ok"
    answers[0]["model"] = "none"
    path.write_text(yaml.safe_dump(recipe))
    assert red(asyncio.run(look(path))) == {"answers none"}


def test_the_command_ends_with_2_where_a_row_is_red(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, "http://127.0.0.1:9/v1")
    command = [sys.executable, "-m", "prefmill", "doctor", str(path), "--run-dir", str(tmp_path / "run")]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    rows = json.loads(done.stdout)
    assert {"what", "state", "found", "fix"} == set(rows[0])
    assert done.stderr == f"{path}: 1 of {len(rows)} checks are red\n"
    table = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    assert "Start the server, or correct base_url." in table


@pytest.mark.slow
def test_an_endpoint_that_never_replies_takes_less_than_ten_seconds(serving: Serving, tmp_path: Path) -> None:
    async def hang(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(60)
        return web.Response()

    async def whole() -> tuple[int, float]:
        async with serving(hang) as base_url:
            path, started = write_recipe(tmp_path, base_url), time.monotonic()
            command = [sys.executable, "-m", "prefmill", "doctor", str(path), "--run-dir", str(tmp_path / "run")]
            ended = await asyncio.create_subprocess_exec(*command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            return await ended.wait(), time.monotonic() - started

    code, seconds = asyncio.run(whole())
    assert code == 2
    assert seconds < 10
