"""The real server with the index cut into trigrams: chosen, kept, changed; and what `up` does where one runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from prefmill.pipelines.embedded_argilla.server import down, status, up
from prefmill.pipelines.embedded_argilla.upkeep import reindex, users
from prefmill.schemas.errors import UserError

from .conftest import free_port
from .rest import Rest
from .running import WORKSPACE

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(name="home")
def _home(python: Path, tmp_path: Path) -> Iterator[Path]:
    del python
    yield tmp_path / "home"
    down(tmp_path / "home")


def _up(home: Path, tokenizer: str | None = None) -> Rest:
    now = up(home, lambda line: None, port=free_port(), tokenizer=tokenizer)
    owner = next(user for user in users(home) if user.name == "owner")
    return Rest(str(now.url), owner.api_key)


def test_chinese_words_are_found_once_trigrams_are_chosen_and_from_then_on(home: Path) -> None:
    rest = _up(home)
    dataset = rest.publish(WORKSPACE, "chinese")
    rest.log(dataset, [{"external_id": "x", "fields": {"text": "请把这首诗翻译成英文。"}}])

    def counts() -> list[int]:
        return [rest.search(dataset, query={"text": {"q": query}})[1] for query in ("翻译成英文", "英文", "*")]

    assert counts() == [0, 0, 1]
    with pytest.raises(UserError, match="a server runs here with tokenizer unicode61; stop it first"):
        up(home, lambda line: None, tokenizer="trigram")
    for chosen in ("trigram", None):
        assert down(home)
        assert not (home / "temporary").exists(), "the server's copy of its pages is gone"
        rest = _up(home, chosen)
        assert counts() == [1, 1, 1]
        assert status(home).tokenizer == "trigram"
    assert down(home)
    reindex(home, lambda line: None)
    rest = _up(home)
    assert counts() == [1, 1, 1]
    assert down(home)
    rest = _up(home, "unicode61")
    assert counts() == [0, 0, 1]


def test_up_beside_a_running_server_makes_who_is_missing(home: Path) -> None:
    said: list[str] = []
    first = up(home, said.append, port=free_port(), annotators=["ann"])
    again = up(home, said.append, annotators=["ann", "carol"])
    assert (again.pid, again.users) == (first.pid, ("owner", "ann", "carol"))
    assert said[-1] == f"a server runs already, as process {first.pid}"
