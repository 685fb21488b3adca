"""Putting a folder on the Hub, as one commit of a data set repository.

Only what differs is sent: a file's git or LFS hash is compared with what lies there, so publishing again makes no
commit. Files go up before the one commit that shows them; where that breaks off, those that arrived stay in the
repository's storage and are not sent again. On the Hub itself `huggingface_hub` chooses how (Xet); anywhere else
(HF_ENDPOINT) it is the LFS protocol over plain HTTP, which needs no further service.
"""

from __future__ import annotations

import hashlib
import logging
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ...schemas.errors import UserError
from .croissant import sha256
from .folder import MANIFEST, Folder, files_listed
from .hub import Hub
from .hub_errors import one_line

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, HfApi
    from huggingface_hub.hf_api import RepoFile

OWN_ADDRESS = "https://huggingface.co"
MAIN = "main"
ATTRIBUTES = ".gitattributes"
"""The Hub's own file in every repository."""


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What came of an upload."""

    url: str
    commit: str
    """The branch's last commit: a new one, or the old one where there was nothing to do."""
    sent: tuple[str, ...]
    """Files that were new or different."""
    removed: tuple[str, ...]
    """Files of an earlier publishing that this run no longer has."""
    unchanged: int
    said: tuple[str, ...]
    """What the Hub said about the card."""


def upload(hub: Hub, folder: Folder, repo: str, *, private: bool = False, revision: str | None = None) -> Uploaded:
    """Put a folder into a repository, which is made if need be. Raises `UserError`."""
    api, branch = hub.api(), revision or MAIN
    with one_line(api.endpoint, repo, hub.effective_token()), _quiet():
        place = _Branch(api, repo, branch)
        place.make(private)
        head = place.head()
        there = place.files(head)
        changed = [name for name in folder.files if not _same(folder.path / name, there.get(name))]
        others = there.keys() - set(folder.files) - {ATTRIBUTES}
        stale = sorted(place.published(head) & others) if others and MANIFEST in there else []
        said: list[str] = []
        if changed or stale:
            head, said = place.commit(head, folder, changed, stale)
    url = f"{api.endpoint}/datasets/{repo}" + ("" if branch == MAIN else f"/tree/{branch}")
    return Uploaded(url, head, tuple(changed), tuple(stale), len(folder.files) - len(changed), tuple(said))


@dataclass(frozen=True, slots=True)
class _Branch:
    """A branch of a data set repository."""

    api: HfApi
    repo: str
    branch: str

    def make(self, private: bool) -> None:
        """Make the repository and the branch where they are not there; never put a private set into a public one."""
        from huggingface_hub.errors import RepositoryNotFoundError

        api, repo = self.api, self.repo
        try:
            public = not api.repo_info(repo, repo_type="dataset").private
        except RepositoryNotFoundError:
            # None leaves it to the organisation, some of which make everything private.
            api.create_repo(repo, repo_type="dataset", private=private or None, exist_ok=True)
            public = False
        if private and public:
            raise UserError(
                f"{repo}: is public, and was to be private. Make it private in its settings, or name another."
            )
        refs = () if self.branch == MAIN else api.list_repo_refs(repo, repo_type="dataset").branches
        if self.branch not in {MAIN, *(ref.name for ref in refs)}:
            api.create_branch(repo, branch=self.branch, repo_type="dataset", exist_ok=True)

    def head(self) -> str:
        """The last commit."""
        return str(self.api.repo_info(self.repo, repo_type="dataset", revision=self.branch).sha)

    def files(self, commit: str) -> dict[str, RepoFile]:
        """What lies there."""
        from huggingface_hub.hf_api import RepoFile

        tree = self.api.list_repo_tree(self.repo, recursive=True, revision=commit, repo_type="dataset")
        return {one.path: one for one in tree if isinstance(one, RepoFile)}

    def published(self, commit: str) -> frozenset[str]:
        """The files that an earlier publishing put there: its manifest lists them."""
        with TemporaryDirectory() as folder:
            path = self.api.hf_hub_download(self.repo, MANIFEST, repo_type="dataset", revision=commit, local_dir=folder)
            return files_listed(Path(path).read_text(encoding="utf-8"))

    def commit(self, head: str, folder: Folder, changed: Sequence[str], stale: Sequence[str]) -> tuple[str, list[str]]:
        """Make one commit on top of `head`; the new one, and what the Hub said about the card."""
        from huggingface_hub import CommitOperationDelete

        manifest = folder.told.manifest
        with ExitStack() as stack, warnings.catch_warnings(record=True) as caught:
            # The Hub's remarks come as these; others are between the library and its HTTP client.
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", UserWarning)
            additions = [self._addition(folder, name, stack) for name in changed]
            made = self.api.create_commit(
                self.repo,
                [*additions, *(CommitOperationDelete(name) for name in stale)],
                commit_message=f"Publish {manifest['name']} with prefmill {manifest['prefmill']}",
                repo_type="dataset",
                revision=self.branch,
                parent_commit=head,
            )
        return made.oid, [" ".join(str(one.message).split()) for one in caught]

    def _addition(self, folder: Folder, name: str, stack: ExitStack) -> CommitOperationAdd:
        from huggingface_hub import CommitOperationAdd

        path = folder.path / name
        if self.api.endpoint == OWN_ADDRESS:
            return CommitOperationAdd(name, path)
        # An open file is sent by LFS over HTTP, a path by Xet, which asks for a service that other addresses lack.
        return CommitOperationAdd(name, stack.enter_context(path.open("rb")))


def _same(path: Path, remote: RepoFile | None) -> bool:
    if remote is None or remote.size != path.stat().st_size:
        return False
    if remote.lfs is not None:
        return remote.lfs.sha256 == sha256(path)
    content = path.read_bytes()  # small: large files are in LFS
    return remote.blob_id == hashlib.sha1(b"blob %d\0%b" % (len(content), content)).hexdigest()


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the library's own remarks, and without its progress where nobody watches."""
    from huggingface_hub.utils import logging as remarks
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    before, shown = remarks.get_verbosity(), not are_progress_bars_disabled()
    remarks.set_verbosity(logging.ERROR)
    if not sys.stderr.isatty():
        disable_progress_bars()
    try:
        yield
    finally:
        remarks.set_verbosity(before)
        if shown:
            enable_progress_bars()
