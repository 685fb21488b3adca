"""A Hub on a loopback port: the endpoints that publishing and loading a data set use, with memory for a disk.

Source: what `huggingface_hub` 2.4 sends and reads (`hf_api.py`, `_commit_api.py`, `lfs.py`); LFS after
https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md. Every upload's SHA-256 is checked, and a commit is
refused whose LFS files did not arrive. `faults` makes it a bad one.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

TOKEN, READ_ONLY = "hf_writes_0123456789", "hf_reads_0123456789"
OWNER = "org"


@dataclass(frozen=True)
class Stored:
    """One file of a commit."""

    content: bytes
    lfs: bool

    def plain(self, path: str) -> dict[str, Any]:
        """As the tree lists it."""
        entry = {"type": "file", "path": path, "size": len(self.content), "oid": self.oid(git=True)}
        return entry | ({"lfs": {"oid": self.oid(), "size": len(self.content), "pointerSize": 130}} if self.lfs else {})

    def oid(self, *, git: bool = False) -> str:
        """SHA-256 of an LFS file, git's SHA-1 of another."""
        if self.lfs and not git:
            return hashlib.sha256(self.content).hexdigest()
        return hashlib.sha1(b"blob %d\0%b" % (len(self.content), self.content)).hexdigest()


@dataclass
class Repo:
    """A data set repository."""

    private: bool
    commits: dict[str, dict[str, Stored]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    """Messages of the commits, the first one's apart."""

    def files(self, revision: str = "main") -> dict[str, Stored]:
        """What lies in a branch or a commit."""
        return self.commits[self.branches.get(revision, revision)]


@dataclass
class Faults:
    """What the server does wrong."""

    status: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Part of `METHOD PATH` -> status and message of the reply."""
    cut: int = 0
    """Uploads that are broken off in the middle of their body, from the next on."""
    refused: int = 0
    """Uploads after those that are refused by the storage."""
    hang: int = 0
    """Uploads after those whose reply never comes."""
    good: int = 0
    """Uploads that are taken before any of that."""


class HubServer:
    """The server's state, to be looked at while it runs."""

    def __init__(self, lfs_from: int = 4000) -> None:
        self.url = ""
        self.repos: dict[str, Repo] = {}
        self.storage: dict[str, bytes] = {}
        self.faults = Faults()
        self.hanging = 0
        """Uploads whose reply does not come."""
        self.seen: Counter[str] = Counter()
        """Name of the endpoint -> requests; `upload` counts whole ones."""
        self._lfs_from = lfs_from

    def application(self) -> web.Application:
        """All endpoints."""
        made = web.Application(client_max_size=2**26, middlewares=[self._guard])
        api, repo = "/api/datasets/{owner}/{name}", "/datasets/{owner}/{name}"
        made.add_routes(
            [
                web.get("/api/whoami-v2", self.whoami),
                web.post("/api/repos/create", self.create),
                web.post("/api/validate-yaml", self.validate),
                web.get(api, self.info),
                web.get(f"{api}/revision/{{revision}}", self.info),
                web.get(f"{api}/refs", self.refs),
                web.post(f"{api}/branch/{{revision}}", self.branch),
                web.get(f"{api}/tree/{{revision}}", self.tree),
                web.get(f"{api}/tree/{{revision}}/{{path:.*}}", self.tree),
                web.post(f"{api}/paths-info/{{revision}}", self.paths),
                web.post(f"{api}/preupload/{{revision}}", self.preupload),
                web.post(f"{api}/commit/{{revision}}", self.commit),
                web.post("/datasets/{owner}/{name}.git/info/lfs/objects/batch", self.batch),
                web.put("/storage/{oid}", self.upload),
                web.post("/verify/{oid}", self.verify),
                web.get(f"{repo}/resolve/{{revision}}/{{path:.*}}", self.resolve),
            ]
        )
        return made

    @web.middleware
    async def _guard(self, request: web.Request, handler: Any) -> web.StreamResponse:  # noqa: ANN401 - aiohttp's
        what = f"{request.method} {request.path}"
        for part, (status, said) in self.faults.status.items():
            if part in what:
                return _error(status, said)
        token = (request.headers.get("Authorization") or "").removeprefix("Bearer ")
        if not request.path.startswith("/storage/"):
            if token not in (TOKEN, READ_ONLY):
                # A bad server: it repeats what it was sent.
                return _error(401, f"Invalid credentials in Authorization header: {token}")
            if request.method == "POST" and token == READ_ONLY:
                return _error(403, "Forbidden")
        try:
            found: web.StreamResponse = await handler(request)
        except KeyError:
            return _error(404, "Repository not found", "RepoNotFound")
        self.seen[handler.__name__] += 1
        return found

    def _repo(self, request: web.Request) -> Repo:
        return self.repos[f"{request.match_info['owner']}/{request.match_info['name']}"]

    async def whoami(self, request: web.Request) -> web.Response:
        role = "write" if TOKEN in request.headers["Authorization"] else "read"
        return web.json_response(
            {"name": "me", "orgs": [{"name": OWNER}], "auth": {"accessToken": {"displayName": "t", "role": role}}}
        )

    async def create(self, request: web.Request) -> web.Response:
        body = await request.json()
        name = f"{body['organization'] or 'me'}/{body['name']}"
        if body.get("type") != "dataset":
            return _error(400, "not a data set")
        if name in self.repos:
            return _error(409, "You already created this dataset repo")
        repo = self.repos[name] = Repo(body.get("visibility") == "private")
        self._committed(repo, "main", {".gitattributes": Stored(b"*.parquet filter=lfs\n", False)})
        return web.json_response({"url": f"{self.url}/datasets/{name}", "name": name})

    async def validate(self, request: web.Request) -> web.Response:
        front = str((await request.json())["content"])
        return web.json_response(
            {"errors": [], "warnings": [] if front.startswith("---\n") else [{"message": "empty"}]}
        )

    async def info(self, request: web.Request) -> web.Response:
        repo = self._repo(request)
        revision = request.match_info.get("revision", "main")
        if revision not in {*repo.branches, *repo.commits}:
            return _error(404, "Invalid rev id", "RevisionNotFound")
        name, files = f"{request.match_info['owner']}/{request.match_info['name']}", repo.files(revision)
        siblings = [{"rfilename": path} for path in sorted(files)]
        sha = repo.branches.get(revision, revision)
        return web.json_response(
            {"_id": "1", "id": name, "sha": sha, "private": repo.private, "tags": [], "siblings": siblings}
        )

    async def refs(self, request: web.Request) -> web.Response:
        heads = self._repo(request).branches.items()
        branches = [{"name": name, "ref": f"refs/heads/{name}", "targetCommit": sha} for name, sha in heads]
        return web.json_response({"branches": branches, "converts": [], "tags": []})

    async def branch(self, request: web.Request) -> web.Response:
        repo, name = self._repo(request), request.match_info["revision"]
        if name in repo.branches:
            return _error(409, "exists")
        repo.branches[name] = repo.branches["main"]
        return web.json_response({})

    async def tree(self, request: web.Request) -> web.Response:
        files, below = self._repo(request).files(request.match_info["revision"]), request.match_info.get("path", "")
        deep = request.query.get("recursive", "").lower() in ("1", "true")
        prefix = f"{below}/" if below else ""
        rest = {path: path.removeprefix(prefix) for path in files if path.startswith(prefix)}
        folders = {part.rpartition("/")[0] for part in rest.values()} if deep else {
            part.partition("/")[0] for part in rest.values() if "/" in part
        }  # fmt: skip
        listed = [files[path].plain(path) for path, part in sorted(rest.items()) if deep or "/" not in part]
        if below and not rest:
            return _error(404, "no such folder", "EntryNotFound")
        entries = [
            {"type": "directory", "path": prefix + name, "size": 0, "oid": "0" * 40} for name in sorted(folders - {""})
        ]
        return web.json_response([*entries, *listed])

    async def paths(self, request: web.Request) -> web.Response:
        files = self._repo(request).files(request.match_info["revision"])
        form = await (request.json() if request.content_type == "application/json" else request.post())
        wanted = form["paths"] if isinstance(form, dict) else form.getall("paths")
        folders = {path.rpartition("/")[0] for path in files}
        found = [files[path].plain(path) for path in wanted if path in files]
        found += [{"type": "directory", "path": path, "size": 0, "oid": "0" * 40} for path in wanted if path in folders]
        return web.json_response(found)

    async def preupload(self, request: web.Request) -> web.Response:
        files = self._repo(request).files(request.match_info["revision"])
        entries = []
        for one in (await request.json())["files"]:
            mode = "lfs" if one["path"].endswith(".parquet") or one["size"] >= self._lfs_from else "regular"
            there = files.get(one["path"])
            oid = {"oid": there.oid()} if there else {}
            entries.append({"path": one["path"], "uploadMode": mode, "shouldIgnore": False, **oid})
        return web.json_response({"files": entries})

    async def batch(self, request: web.Request) -> web.Response:
        objects = []
        for one in (await request.json())["objects"]:
            oid = one["oid"]
            steps = {"upload": {"href": f"{self.url}/storage/{oid}"}, "verify": {"href": f"{self.url}/verify/{oid}"}}
            objects.append({**one} if oid in self.storage else {**one, "actions": steps})
        body = {"transfer": "basic", "objects": objects}
        return web.json_response(body, content_type="application/vnd.git-lfs+json")

    async def upload(self, request: web.Request) -> web.Response:
        faults = self.faults
        if faults.good > 0:
            faults.good -= 1
        elif faults.cut > 0:
            faults.cut -= 1
            await request.content.read(100)
            assert request.transport is not None
            request.transport.close()
            raise asyncio.CancelledError
        elif faults.refused > 0:
            faults.refused -= 1
            return _error(403, "Request has expired")
        elif faults.hang > 0:
            faults.hang -= 1
            self.hanging += 1
            await asyncio.sleep(3600)
        content, oid = await request.read(), request.match_info["oid"]
        if hashlib.sha256(content).hexdigest() != oid:
            return _error(400, "not what was announced")
        self.storage[oid] = content
        return web.Response()

    async def verify(self, request: web.Request) -> web.Response:
        body = await request.json()
        there = self.storage.get(body["oid"])
        return web.json_response({}) if there is not None and len(there) == body["size"] else _error(404, "not there")

    async def commit(self, request: web.Request) -> web.Response:
        repo, revision = self._repo(request), request.match_info["revision"]
        lines = [json.loads(line) for line in (await request.read()).splitlines()]
        header, files = lines[0]["value"], dict(repo.files(revision))
        if header.get("parentCommit") not in (None, repo.branches[revision]):
            return _error(412, "A commit has happened since. Please refresh and try again.")
        for line in lines[1:]:
            value, path = line["value"], line["value"]["path"]
            if line["key"] == "file":
                files[path] = Stored(base64.b64decode(value["content"]), False)
            elif line["key"] == "lfsFile":
                if value["oid"] not in self.storage:
                    return _error(400, f"{path}: the file was not uploaded")
                files[path] = Stored(self.storage[value["oid"]], True)
            else:
                del files[path]
        sha = self._committed(repo, revision, files)
        repo.log.append(header["summary"])
        where = f"{self.url}/datasets/{request.match_info['owner']}/{request.match_info['name']}/commit/{sha}"
        return web.json_response({"success": True, "commitOid": sha, "commitUrl": where})

    def _committed(self, repo: Repo, branch: str, files: dict[str, Stored]) -> str:
        sha = hashlib.sha1(f"{branch} {len(repo.commits)} {sorted(files)}".encode()).hexdigest()
        repo.commits[sha], repo.branches[branch] = files, sha
        return sha

    async def resolve(self, request: web.Request) -> web.Response:
        repo, revision = self._repo(request), request.match_info["revision"]
        found = repo.files(revision).get(request.match_info["path"])
        sha = repo.branches.get(revision, revision)
        if found is None:
            return _error(404, "Entry not found", "EntryNotFound", sha)
        headers = {"X-Repo-Commit": sha, "ETag": f'"{found.oid()}"'}
        return web.Response(body=b"" if request.method == "HEAD" else found.content, headers=headers | _length(found))


def _length(found: Stored) -> dict[str, str]:
    return {"X-Linked-Size": str(len(found.content)), "Content-Length": str(len(found.content))}


def _error(status: int, said: str, code: str | None = None, commit: str | None = None) -> web.Response:
    headers = {"X-Error-Message": said} | ({"X-Error-Code": code} if code else {})
    headers |= {"X-Repo-Commit": commit} if commit else {}
    return web.json_response({"error": said}, status=status, headers=headers)


@contextmanager
def running(server: HubServer) -> Iterator[HubServer]:
    """The server in a thread with a loop of its own, until the block is left."""
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        runner = web.AppRunner(server.application(), access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        stop = asyncio.Event()
        started.set_result((asyncio.get_running_loop(), stop))
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), name="hub", daemon=True)
    thread.start()
    loop, stop = started.result()
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
