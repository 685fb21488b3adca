"""`prefmill publish` in processes of its own, against a Hub on a socket."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from prefmill.cli import main

from .hub_server import TOKEN, Faults, HubServer, running
from .publishable import finished_run

Said = subprocess.CompletedProcess[str]


@pytest.fixture(name="server")
def _server() -> Iterator[HubServer]:
    with running(HubServer()) as server:
        yield server


@pytest.fixture(name="environment")
def _environment(server: HubServer, tmp_path: Path) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
    return {**clean, "HF_ENDPOINT": server.url, "HF_TOKEN": TOKEN, "HF_HOME": str(tmp_path / "hf")}


@pytest.fixture(name="prefmill")
def _prefmill(environment: dict[str, str], tmp_path: Path) -> Callable[..., Said]:
    def call(*arguments: str, **more: str) -> Said:
        return subprocess.run(
            [sys.executable, "-m", "prefmill", *arguments],
            cwd=tmp_path, env={**environment, **more}, capture_output=True, text=True, check=False, timeout=100,
        )  # fmt: skip

    return call


def test_a_run_is_published_once(server: HubServer, prefmill: Callable[..., Said], tmp_path: Path) -> None:
    finished_run(tmp_path / "run", tasks=24, publish={"repo": "org/mine", "private": True})
    done = prefmill("publish", "run")
    assert (done.returncode, done.stderr) == (0, "")
    commit = server.repos["org/mine"].branches["main"]
    assert f"published {server.url}/datasets/org/mine at {commit[:12]}\n" in done.stdout
    assert "preference" in done.stdout and "licence: cc-by-4.0\n" in done.stdout
    assert "format preference refuses 3: tie\n" in done.stdout
    assert server.repos["org/mine"].private
    again = prefmill("publish", "run", "--json")
    plain = json.loads(again.stdout)
    assert plain["uploaded"]["sent"] == [] and plain["uploaded"]["commit"] == commit
    assert set(plain["configs"]["preference"]) == {"train", "test"}
    assert plain["licence"]["names"] == ["cc-by-4.0"]
    assert TOKEN not in done.stdout + again.stdout
    assert len(server.repos["org/mine"].log) == 1


@pytest.mark.slow
def test_killed_in_the_middle_of_an_upload_it_goes_on(
    server: HubServer, prefmill: Callable[..., Said], environment: dict[str, str], tmp_path: Path
) -> None:
    finished_run(tmp_path / "run", tasks=24)
    arguments = [sys.executable, "-m", "prefmill", "publish", "run", "--repo", "org/mine"]
    server.faults = Faults(good=2, hang=100)
    with subprocess.Popen(
        arguments, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        while server.hanging == 0 or len(server.storage) < 2:
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    arrived, sent = set(server.storage), server.seen["upload"]
    assert (len(arrived), server.repos["org/mine"].log) == (2, [])
    server.faults = Faults()
    done = prefmill("publish", "run", "--repo", "org/mine")
    assert done.returncode == 0, done.stderr
    repo = server.repos["org/mine"]
    assert server.seen["upload"] - sent == sum(stored.lfs for stored in repo.files().values()) - 2
    assert len(repo.log) == 1


def test_offline_and_without_a_token_it_is_one_line(
    server: HubServer, prefmill: Callable[..., Said], tmp_path: Path
) -> None:
    finished_run(tmp_path / "run", tasks=24)
    for more, told in (
        ({"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE is set, so nothing can be published. Unset it, or write"),
        ({"HF_TOKEN": ""}, "no token for the Hub: set HF_TOKEN, or log in with `hf auth login`."),
    ):
        done = prefmill("publish", "run", "--repo", "org/mine", **more)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(told) and done.stderr.count("\n") == 1
    assert sum(server.seen.values()) == 0
    dry = prefmill("publish", "run", "--dry-run", "out", HF_HUB_OFFLINE="1")
    assert (dry.returncode, dry.stderr) == (0, "")
    assert (tmp_path / "out/README.md").is_file()


def test_the_doctor_looks_at_the_hub(prefmill: Callable[..., Said], tmp_path: Path) -> None:
    (tmp_path / "tasks.jsonl").write_text('{"instruction": "Why?"}\n')
    (tmp_path / "r.yaml").write_text(
        "name: r\ntasks: {source: jsonl, path: tasks.jsonl}\n"
        "answers: [{provider: simulated, model: sim-oak-70b}, {provider: simulated, model: sim-pine-7b}]\n"
        "judge: {judge: judgelm, teachers: [{provider: simulated, model: sim-teacher-strong}]}\n"
        "publish: {repo: org/mine}\n"
    )
    done = prefmill("doctor", "r.yaml", "--json")
    (row,) = [check for check in json.loads(done.stdout) if check["what"] == "hub org/mine"]
    assert (row["state"], row["found"]) == ("ok", "logged in as me")


def test_a_folder_is_for_dry_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = finished_run(tmp_path / "run", tasks=24).path
    with pytest.raises(SystemExit) as ended:
        main(["publish", str(directory), str(tmp_path / "out"), "--repo", "org/mine"])
    assert ended.value.code == 2
    assert "a folder is named for --dry-run only" in capsys.readouterr().err


def test_a_dry_run_writes_the_folder_and_says_what_it_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = finished_run(tmp_path / "run", licences=["cc-by-nc-4.0"], teacher="gpt-4o").path
    with pytest.raises(SystemExit) as ended:
        main(
            ["publish", str(directory), "--dry-run", str(tmp_path / "out"), "--formats", "preference,judgelm", "--json"]
        )
    assert ended.value.code == 0
    plain = json.loads(capsys.readouterr().out)
    assert plain["uploaded"] is None
    assert sorted(plain["files"]) == sorted(
        path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*") if path.is_file()
    )
    assert next(iter(plain["configs"])) == "preference"
    assert [one["effect"] for one in plain["licence"]["restrictions"]] == ["non_commercial", "no_competing_models"]
    with pytest.raises(SystemExit):
        main(["publish", str(directory), "--dry-run"])
    said = capsys.readouterr().out
    assert "restricted: OpenAI: replies must not be used" in said
    assert f"wrote {directory / 'publish'}\nnothing was uploaded (--dry-run)\n" in said
