"""Bad input at the command line: one clear line on stderr, exit 2, nothing started."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from prefmill.cli import main
from prefmill.generators.world.server import running
from prefmill.generators.world.settings import WorldSettings
from prefmill.pipelines.recipe_reading import read_recipe
from prefmill.pipelines.rundir import RunDirectory

KEY = "zq7-pumpernickel-0042"
"""Looks like no provider's key, so that only its handling keeps it out of sight."""
TEACHER = "{provider: simulated, model: sim-teacher-strong}"
RECIPE = f"""
name: r
tasks: {{source: jsonl, path: tasks.jsonl}}
answers:
  - {{provider: simulated, model: sim-oak-70b}}
  - {{provider: simulated, model: sim-pine-7b}}
judge: {{judge: judgelm, teachers: [{TEACHER}]}}
exports: [preference]
"""
TASK = '{"id": "one", "instruction": "Why is the sky blue?"}\n'


def prefmill(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, in a folder."""
    return subprocess.run(
        [sys.executable, "-m", "prefmill", *arguments],
        cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip


Here = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(name="here")
def _here(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Here:
    """The command in this process, for what needs no process of its own: that alone takes half a second."""
    monkeypatch.chdir(folder)

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        said = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return subprocess.CompletedProcess(arguments, ended.value.code, said.out, said.err)

    return call


def refused(done: subprocess.CompletedProcess[str], expected: str) -> None:
    """Exit 2 and one line, which is as expected where `*` stands for anything; nothing on stdout."""
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert done.stdout == ""
    assert re.fullmatch(re.escape(expected).replace(r"\*", ".*") + "\n", done.stderr), done.stderr


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    """A folder with a recipe and one task."""
    (tmp_path / "r.yaml").write_text(RECIPE)
    (tmp_path / "tasks.jsonl").write_text(TASK)
    return tmp_path


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


WRONG = [
    ("sede: 3", "r.yaml: sede: no such key. Known: *. Did you mean 'seed'?"),
    ("seed: true", "r.yaml: seed: a whole number (got true)."),
    ("filters: [empty_answer]", "r.yaml: filters[0]: no filter named 'empty_answer'. *"),
    ("name: again", "r.yaml:9:1: YAML: the key 'name' stands here twice."),
]


@pytest.mark.parametrize(("line", "expected"), WRONG, ids=str)
def test_a_mistake_in_the_recipe_starts_nothing(folder: Path, line: str, expected: str) -> None:
    (folder / "r.yaml").write_text(f"{RECIPE}{line}\n")
    before = files(folder)
    refused(prefmill(folder, "run", "r.yaml"), expected)
    assert files(folder) == before


def test_two_mistakes_are_two_lines(folder: Path) -> None:
    (folder / "r.yaml").write_text(f"{RECIPE}seed: x\nworld: 3\n")
    done = prefmill(folder, "check", "r.yaml")
    assert done.returncode == 2
    assert [line.split(": ")[1] for line in done.stderr.splitlines()] == ["seed", "world"]


def test_a_missing_recipe(folder: Path) -> None:
    for verb in ("check", "run"):
        refused(prefmill(folder, verb, "nope.yaml"), "nope.yaml: no such file. `prefmill new nope.yaml` *")


@pytest.mark.parametrize("verb", ["check", "run"])
def test_a_missing_or_empty_source(folder: Path, here: Here, verb: str) -> None:
    (folder / "tasks.jsonl").write_text("\n\n")
    before = files(folder)
    refused(here(verb, "r.yaml"), f"{folder}/tasks.jsonl: holds no rows*")
    (folder / "tasks.jsonl").unlink()
    refused(here(verb, "r.yaml"), f"{folder}/tasks.jsonl: no such file. *")
    assert files(folder) == before - {"tasks.jsonl"}


def test_an_unset_key(folder: Path) -> None:
    models = ", ".join(f"{{provider: openai, model: {name}, api_key_env: NO_SUCH_VARIABLE}}" for name in "ab")
    (folder / "r.yaml").write_text(re.sub(r"answers:\n.*\n.*\n", f"answers: [{models}]\n", RECIPE))
    refused(
        prefmill(folder, "run", "r.yaml"),
        "r.yaml: answers[0].api_key_env: the environment variable NO_SUCH_VARIABLE is not set. *",
    )


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_run_directory_that_cannot_be(folder: Path, here: Here, place: str) -> None:
    (folder / "file").write_text("mine")
    refused(here("run", "r.yaml", "--run-dir", place), f"{place}: cannot be written (*). *--run-dir.")
    assert (folder / "file").read_text() == "mine"


def test_a_run_directory_in_use_names_the_process(folder: Path) -> None:
    with RunDirectory(folder / "runs/r").claimed(read_recipe(folder / "r.yaml")):
        refused(prefmill(folder, "run", "r.yaml"), f"runs/r: process {os.getpid()} is running here. *--run-dir.")


def test_a_changed_recipe_says_what_changed(folder: Path) -> None:
    assert prefmill(folder, "run", "r.yaml", "--limit", "1").returncode == 0
    changed = RECIPE.replace("sim-pine-7b", "sim-oak-8b").replace("name: r", "name: r\nseed: 5")
    (folder / "r.yaml").write_text(changed)
    refused(
        prefmill(folder, "run", "r.yaml"),
        "runs/r*: the recipe has changed since this run began: seed: 0 -> 5;"
        " answers[1].model: 'sim-pine-7b' -> 'sim-oak-8b'* for a new run choose another --run-dir or name.",
    )


VERBS = [
    (("stats", "nowhere"), "nowhere: no run here. `prefmill run RECIPE` makes one."),
    (("export", "nowhere"), "nowhere: no run here. `prefmill run RECIPE` makes one."),
    (("show", "nowhere", "x"), "nowhere: neither a run's directory nor a kind of plug-in. Known: desk, filter, *"),
    (("show", "jugde", "x"), "jugde: neither a run's directory nor a kind *. Did you mean 'judge'?"),
    (("show", "judge", "judgeml"), "no judge named 'judgeml'. Known: *. Did you mean 'judgelm'?"),
    (("list", "judges"), "no kind of plug-in named 'judges'. Known: *. Did you mean 'judge'?"),
    (("new", "r.yaml"), "r.yaml: exists already. Choose another name."),
    (("new", "tasks.jsonl/r.yaml"), "tasks.jsonl/r.yaml: cannot be written (*)."),
    (("new", "n.yaml", "--template", "quikstart"), "no template named 'quikstart'. *. Did you mean 'quickstart'?"),
]


@pytest.mark.parametrize(("arguments", "expected"), VERBS, ids=lambda value: " ".join(value) if value else None)
def test_other_verbs(folder: Path, here: Here, arguments: tuple[str, ...], expected: str) -> None:
    before = files(folder)
    refused(here(*arguments), expected)
    assert files(folder) == before


@pytest.mark.parametrize(
    "arguments", [("run",), ("rum", "r.yaml"), ("run", "r.yaml", "--limit", "0"), ("run", "r.yaml", "--nope")]
)
def test_a_command_that_does_not_exist(folder: Path, here: Here, arguments: tuple[str, ...]) -> None:
    done = here(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    assert files(folder) == {"r.yaml", "tasks.jsonl"}


def test_a_run_that_is_not_finished_is_not_exported(folder: Path, here: Here) -> None:
    place = RunDirectory(folder / "runs/r")
    with place.claimed(read_recipe(folder / "r.yaml")):
        place.write_manifest({"name": "r", "finished": False})
    refused(here("export", "runs/r"), "runs/r: this run is not finished. `prefmill run` *")
    refused(here("show", "runs/r", "0000"), "runs/r: no row has the id '0000'. *")


def test_an_unknown_format(folder: Path, here: Here) -> None:
    place = RunDirectory(folder / "runs/r")
    with place.claimed(read_recipe(folder / "r.yaml")):
        place.write_manifest({"name": "r", "finished": True})
    refused(
        here("export", "runs/r", "--format", "judglm"),
        "prefmill export: --format: no format named 'judglm'. Known: *. Did you mean 'judgelm'?",
    )


def at(base_url: str, *models: str, key: bool = True) -> str:
    """A recipe whose models, the teacher first, are all at one address."""
    variable = ", api_key_env: MILL_KEY" if key else ""
    teacher, *answering = (
        f"{{provider: openai, base_url: '{base_url}', model: {model}, attempts: 1{variable}}}" for model in models
    )
    return (
        "name: r\ntasks: {source: jsonl, path: tasks.jsonl}\n"
        f"answers: [{', '.join(answering)}]\njudge: {{judge: judgelm, teachers: [{teacher}]}}\nexports: [preference]\n"
    )


@pytest.mark.slow
def test_endpoints_that_do_not_do(folder: Path) -> None:
    """Unknown model, refused key, unreachable: told before anything is paid for."""
    models = ("sim-teacher-strong", "sim-oak-70b", "sim-pine-7b")
    with running(WorldSettings(api_key=KEY)) as world:
        (folder / "r.yaml").write_text(at(world.base_url, "sim-teacher-strong", "sim-oak-70b", "sim-pine-7"))
        refused(
            prefmill(folder, "run", "r.yaml", MILL_KEY=KEY),
            f"sim-pine-7: {world.base_url}: no model named 'sim-pine-7'. Known: *. Did you mean 'sim-pine-7b'?",
        )
        (folder / "r.yaml").write_text(at(world.base_url, *models))
        refused(
            prefmill(folder, "run", "r.yaml", "--run-dir", "b", MILL_KEY="some-other-key"),
            f"*: {world.base_url}: the endpoint refuses the key (HTTP 401: *). Check the key in MILL_KEY.",
        )
        (folder / "r.yaml").write_text(at(world.base_url, *models, key=False))
        refused(
            prefmill(folder, "run", "r.yaml", "--run-dir", "c"),
            "*refuses the key (HTTP 401: *). Name the variable that holds the key: api_key_env.",
        )
    refused(
        prefmill(folder, "run", "r.yaml", "--run-dir", "c"),
        f"*: {world.base_url}: cannot connect: *. Start the server, or correct base_url, and run again.",
    )
    for place in ("runs/r", "b", "c"):
        assert json.loads((folder / place / "manifest.json").read_text())["finished"] is False
    assert "some-other-key" not in everything(folder)
    assert KEY not in everything(folder)


@pytest.mark.slow
def test_a_source_of_malformed_lines_only_is_a_run_without_tasks(folder: Path) -> None:
    (folder / "tasks.jsonl").write_text("not json\n[1, 2]\n")
    done = prefmill(folder, "run", "r.yaml")
    assert done.returncode == 0, done.stderr
    assert re.search(r"tasks +2 +0 +0 +2 +malformed \(failed\) 2", done.stdout)
    stages = json.loads((folder / "runs/r/manifest.json").read_text())["stages"]
    assert stages["tasks"] == {"in": 2, "kept": 0, "dropped": {}, "failed": {"malformed": 2}}


@pytest.mark.slow
def test_filters_exports_and_limits_may_change_under_a_run(folder: Path) -> None:
    (folder / "tasks.jsonl").write_text(TASK + '{"id": "two", "instruction": "Why is snow white?"}\n')
    assert prefmill(folder, "run", "r.yaml").returncode == 0
    changed = f"{RECIPE.replace('[preference]', '[judgelm]')}filters: [{{filter: minimum_margin, margin: 0.5}}]\n"
    (folder / "r.yaml").write_text(changed)
    done = prefmill(folder, "run", "r.yaml", "--limit", "1")
    assert done.returncode == 0, done.stderr
    assert "0 calls sent" in done.stdout
    assert json.loads((folder / "runs/r/manifest.json").read_text())["stages"]["tasks"]["in"] == 1


@pytest.mark.slow
def test_the_second_of_two_runs_is_refused(folder: Path) -> None:
    (folder / "r.yaml").write_text(f"{RECIPE}world: {{latency: 60, latency_sigma: 0}}\n")
    first = subprocess.Popen([sys.executable, "-m", "prefmill", "run", "r.yaml"], cwd=folder, stderr=subprocess.DEVNULL)
    try:
        lock = folder / "runs/r/lock"
        while not (lock.is_file() and lock.read_text() == str(first.pid)):
            assert first.poll() is None
        refused(prefmill(folder, "run", "r.yaml"), f"runs/r: process {first.pid} is running here. *--run-dir.")
    finally:
        first.terminate()
        first.wait(20)


class _Echo(BaseHTTPRequestHandler):
    """An endpoint that repeats the key in whatever it says; the first part of the path says how it fails."""

    def do_GET(self) -> None:
        how = self.path.split("/")[1]
        self._say(401 if how == "refuse" else 200, {"data": [{"id": name} for name in ("t", "a400", "b500", "cplain")]})

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
        status = {"a400": 400, "b500": 500}.get(json.loads(asked)["model"], 200)
        self._say(status, {"odd": "reply"})

    def _say(self, status: int, body: dict[str, object]) -> None:
        told = f"{'x' * 480} your {self.headers['Authorization']} is no good"
        content = {"error": {"message": told, "type": "auth"}} if status != 200 else body
        if status == 200 and "odd" in body:
            content = {"id": told, "choices": self.headers["Authorization"]}
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Echo", str(self.headers["Authorization"]))
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@contextmanager
def echoing() -> Iterator[str]:
    """The address of an endpoint that repeats the key."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def everything(folder: Path) -> str:
    """The bytes of every file below a folder, as far as they are text."""
    return "\n".join(path.read_bytes().decode("utf-8", "replace") for path in folder.rglob("*") if path.is_file())


@pytest.mark.slow
def test_no_key_is_ever_written_or_said(folder: Path) -> None:
    with echoing() as address:
        (folder / "r.yaml").write_text(at(f"{address}/refuse/v1", "t", "a400", "b500"))
        stopped = prefmill(folder, "run", "r.yaml", MILL_KEY=KEY)
        (folder / "r.yaml").write_text(at(f"{address}/accept/v1", "t", "a400", "b500", "cplain"))
        failing = prefmill(folder, "run", "r.yaml", "--run-dir", "failing", MILL_KEY=KEY)
    assert stopped.returncode == 2
    assert "refuses the key (HTTP 401: xxx" in stopped.stderr
    assert failing.returncode == 0, failing.stderr
    shown = prefmill(folder, "show", "failing", "one", MILL_KEY=KEY)
    assert '"status": "rejected"' in shown.stdout
    assert '"status": "server_error"' in shown.stdout
    assert '"status": "protocol"' in shown.stdout
    said = "".join(done.stdout + done.stderr for done in (stopped, failing, shown)) + everything(folder)
    assert "ledger" in " ".join(files(folder))
    # Half a key is too much as well: a message may be cut inside of it.
    assert KEY[:8] not in said


def test_a_directory_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    subprocess.run([sys.executable, "-m", "prefmill", "new", str(recipe)], check=True, capture_output=True)
    before = recipe.read_text()
    done = subprocess.run(
        [sys.executable, "-m", "prefmill", "run", "recipe.yaml", "--run-dir", "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "no run's directory" in done.stderr
    assert recipe.read_text() == before
    assert {path.name for path in tmp_path.iterdir()} == {"recipe.yaml", "tasks.jsonl"}


def test_what_was_wrong_can_be_put_right_in_the_same_directory(tmp_path: Path) -> None:
    """A recipe whose endpoint could not be reached has had no reply: correcting it is no change under a run."""
    command = [sys.executable, "-m", "prefmill"]
    subprocess.run([*command, "new", "r.yaml"], cwd=tmp_path, check=True, capture_output=True)
    right = (tmp_path / "r.yaml").read_text()
    wrong = right.replace(
        "provider: simulated, model: sim-pine-7b", 'provider: openai, base_url: "http://127.0.0.1:9/v1", model: m'
    )
    assert wrong != right
    (tmp_path / "r.yaml").write_text(wrong)
    run = [*command, "run", "r.yaml", "--limit", "2"]
    refused = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert refused.returncode == 2, refused.stderr
    assert "cannot connect" in refused.stderr
    (tmp_path / "r.yaml").write_text(right)
    subprocess.run(run, cwd=tmp_path, check=True, capture_output=True)
