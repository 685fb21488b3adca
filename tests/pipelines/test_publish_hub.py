"""Publishing over a socket: once is enough, what broke off goes on, and every refusal is one line without the token."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from prefmill.pipelines.publish import Published, publish
from prefmill.pipelines.publishing.folder import Folder
from prefmill.pipelines.publishing.hub import Hub
from prefmill.pipelines.publishing.upload import Uploaded, upload
from prefmill.schemas.errors import EndpointError, UserError

from ..hub_server import READ_ONLY, TOKEN, Faults, HubServer, running
from ..publishable import finished_run

REPO = "org/mine"


@pytest.fixture(name="server")
def _server() -> Iterator[HubServer]:
    with running(HubServer()) as server:
        yield server


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """One that is ready to be uploaded."""
    directory = finished_run(tmp_path_factory.mktemp("run"), tasks=24, exports=["preference"])
    return publish(directory.path, dry_run=True).folder


@pytest.fixture(name="run")
def _run(tmp_path: Path) -> Path:
    return finished_run(tmp_path / "run", tasks=24).path


Send = Callable[..., Uploaded]


@pytest.fixture(name="send")
def _send(server: HubServer, run: Path) -> Send:
    """Publish the run, or another, to the server."""

    def send(directory: Path = run, **options: object) -> Uploaded:
        published: Published = publish(directory, **{"repo": REPO, "hub": Hub(server.url, TOKEN), **options})  # type: ignore[arg-type]
        assert published.uploaded is not None
        return published.uploaded

    return send


def test_what_lies_on_the_hub_is_the_folder(server: HubServer, run: Path, send: Send) -> None:
    uploaded = send()
    there = {name: stored.content for name, stored in server.repos[REPO].files().items() if name != ".gitattributes"}
    here = {str(path.relative_to(run / "publish")): path.read_bytes() for path in run.glob("publish/**/*.*")}
    assert there == here
    assert set(uploaded.sent) == set(here)
    assert server.repos[REPO].files()["data/preference/train.parquet"].lfs
    assert not server.repos[REPO].files()["recipe.yaml"].lfs
    assert uploaded.url == f"{server.url}/datasets/{REPO}"
    assert uploaded.commit == server.repos[REPO].branches["main"]
    assert TOKEN.encode() not in b"".join(here.values())


def test_publishing_again_sends_nothing_and_makes_no_commit(server: HubServer, send: Send) -> None:
    first = send()
    seen = dict(server.seen)
    again = send()
    assert (again.sent, again.removed, again.commit) == ((), (), first.commit)
    assert again.unchanged == len(first.sent)
    assert len(server.repos[REPO].log) == 1
    for endpoint in ("create", "preupload", "batch", "upload", "commit"):
        assert server.seen[endpoint] == seen[endpoint]


def test_only_what_changed_is_sent_and_only_our_own_files_are_removed(server: HubServer, send: Send, run: Path) -> None:
    first = send()
    repo = server.repos[REPO]
    repo.files()["photo.png"] = next(iter(repo.files().values()))
    less = send(formats=["preference"])
    assert set(less.sent) == {"README.md", "croissant.json", "manifest.json", "recipe.yaml"}
    assert set(less.removed) == {name for name in first.sent if "judgelm" in name}
    assert {"photo.png", ".gitattributes", *_files(run)} == set(repo.files())
    assert len(repo.log) == 2


def _files(run: Path) -> list[str]:
    return [path.relative_to(run / "publish").as_posix() for path in run.glob("publish/**/*.*")]


def test_an_upload_that_is_refused_half_way_goes_on_where_it_was(server: HubServer, send: Send) -> None:
    server.faults = Faults(good=3, refused=100)
    with pytest.raises(UserError, match=r"HTTP 403.*expired") as told:
        send()
    assert "\n" not in str(told.value)
    repo, arrived = server.repos[REPO], set(server.storage)
    assert (len(arrived), repo.log, set(repo.files())) == (3, [], {".gitattributes"})
    server.faults, server.seen = Faults(), type(server.seen)()
    uploaded = send()
    large = sum(stored.lfs for stored in repo.files().values())
    assert server.seen["upload"] == large - 3 > 3
    assert arrived < set(server.storage)
    assert len(repo.log) == 1
    assert len(uploaded.sent) == len(repo.files()) - 1


def test_a_connection_that_is_cut_in_the_middle_of_a_file_is_tried_again(server: HubServer, send: Send) -> None:
    server.faults = Faults(good=1, cut=1)
    send()
    assert server.faults.cut == 0
    assert len(server.repos[REPO].log) == 1


def test_a_commit_that_fails_after_all_files_arrived_sends_none_of_them_again(server: HubServer, send: Send) -> None:
    server.faults = Faults(status={"/commit/": (503, "try later")})
    with pytest.raises(UserError, match=r"org/mine: HTTP 503 \(try later\)\. The Hub has trouble\. Run the same"):
        send()
    uploads = server.seen["upload"]
    assert uploads > 3
    server.faults = Faults()
    send()
    assert server.seen["upload"] == uploads


def test_a_repository_is_private_where_that_is_asked_for(server: HubServer, send: Send) -> None:
    send(private=True)
    assert server.repos[REPO].private
    send()
    assert server.repos[REPO].private


def test_nothing_private_goes_into_a_public_repository(server: HubServer, send: Send, tmp_path: Path) -> None:
    send()
    before = dict(server.repos[REPO].files())
    other = finished_run(tmp_path / "other", tasks=30, publish={"repo": REPO, "private": True}).path
    with pytest.raises(UserError, match="org/mine: is public, and was to be private"):
        send(other, repo=None)
    assert server.repos[REPO].files() == before


def test_a_branch_is_made_and_published_to(server: HubServer, send: Send) -> None:
    uploaded = send(revision="v2")
    repo = server.repos[REPO]
    assert set(repo.files("main")) == {".gitattributes"}
    assert "README.md" in repo.files("v2")
    assert uploaded.url.endswith(f"{REPO}/tree/v2")
    assert send(revision="v2").sent == ()


@pytest.mark.parametrize(
    ("part", "status", "told"),
    [
        ("whoami", 401, r"HTTP 401 .*The token is not valid: make one at .*/settings/tokens"),
        ("repos/create", 403, r"org/mine: HTTP 403 .*needs the right to write to org"),
        ("repos/create", 402, "plan or credit"),
        ("preupload", 404, "No such repository or branch"),
        ("preupload", 413, "larger than the Hub takes"),
        ("/commit/", 403, "or the storage of org is full"),
        ("/commit/", 412, "changed meanwhile. Run the same command again"),
        ("/commit/", 507, "storage of org is full"),
        ("/commit/", 429, "wait a few minutes"),
        ("/commit/", 400, "does not take this as it is"),
        ("/tree/", 418, "HTTP 418"),
    ],
)
def test_a_refusal_is_one_line(server: HubServer, folder: Folder, part: str, status: int, told: str) -> None:
    server.faults = Faults(status={part: (status, f"as planted, {TOKEN}")})
    hub = Hub(server.url, TOKEN)
    with pytest.raises(UserError, match=told) as caught:
        hub.check(REPO)
        upload(hub, folder, REPO)
    assert "\n" not in str(caught.value)
    assert TOKEN not in str(caught.value)
    assert "(as planted, (the token))" in str(caught.value)


def test_a_bad_or_weak_token_is_told_before_anything_is_written(server: HubServer, run: Path) -> None:
    with pytest.raises(UserError, match="HTTP 401") as caught:
        publish(run, repo=REPO, hub=Hub(server.url, "hf_wrong_0123456789"))
    assert "hf_wrong" not in str(caught.value)
    with pytest.raises(UserError, match="the Hub token of me may only read"):
        publish(run, repo=REPO, hub=Hub(server.url, READ_ONLY))
    with pytest.raises(UserError, match=r"other/mine: me is not other and no member of it\. Known: me, org\."):
        publish(run, repo="other/mine", hub=Hub(server.url, TOKEN))
    assert not (run / "publish").exists()
    assert server.repos == {}


@pytest.mark.parametrize("repo", ["mine", "a/b/c", "org/a--b", "org/", "org/a b", "../x"])
def test_a_repository_has_an_owner_and_a_name(run: Path, repo: str) -> None:
    with pytest.raises(UserError, match="--repo: OWNER/NAME"):
        publish(run, repo=repo)


def test_a_repository_must_be_named(run: Path) -> None:
    with pytest.raises(UserError, match="publish where\\? Give --repo OWNER/NAME"):
        publish(run)


def test_a_hub_that_is_not_there_is_one_line(run: Path) -> None:
    with pytest.raises(EndpointError, match=r"http://127\.0\.0\.1:9: cannot be reached .*Run the same command") as told:
        publish(run, repo=REPO, hub=Hub("http://127.0.0.1:9", TOKEN))
    assert "\n" not in str(told.value)


def test_the_published_set_loads_from_the_hub(server: HubServer, send: Send, run: Path, tmp_path: Path) -> None:
    """In a process of its own: `datasets` reads HF_ENDPOINT when it is imported."""
    send()
    code = (
        "import asyncio, json, sys\n"
        "from datasets import load_dataset\n"
        "from prefmill.pipelines.checks.hub import hub\n"
        "from prefmill.pipelines.publishing.settings import Publish\n"
        f"rows = list(load_dataset({REPO!r}, 'preference', split='train'))\n"
        f"checks = [asyncio.run(hub(Publish(repo=name))) for name in ({REPO!r}, 'other/x')]\n"
        "sys.stdout.write(json.dumps([rows, [[c.state, c.found] for c in checks]]))\n"
    )
    environment = {"HF_ENDPOINT": server.url, "HF_TOKEN": TOKEN, "HF_HOME": str(tmp_path / "hf")}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    rows, checks = json.loads(done.stdout)
    lines = (run / "publish/files/preference/train.jsonl").read_text().splitlines()
    assert rows == [json.loads(line) for line in lines]
    assert checks == [
        ["ok", "logged in as me"],
        ["red", "other/x: me is not other and no member of it. Known: me, org."],
    ]
