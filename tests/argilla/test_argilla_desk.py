"""The Argilla desk against a real server: pairs go there, what annotators submit comes back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from prefmill.curation.desks import Batch, Record, Said
from prefmill.curation.desks.argilla import Argilla
from prefmill.schemas.errors import EndpointError, UserError
from prefmill.schemas.rows import Message
from prefmill.schemas.rubric import Level, Rubric

from .rest import Rest
from .running import Running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def record(number: int, annotator: str) -> Record:
    return Record(
        record_id=f"r{number}-{annotator}",
        annotator=annotator,
        messages=(
            Message(role="user", content="First?"),
            Message(role="assistant", content="Yes."),
            Message(role="user", content=f"What is *{number}* <b>for</b>?"),
        ),
        a=f"It is for {number}.\n\n- one\n- two",
        b="I do not know.",
        rubric=Rubric(
            criteria="Is it right?", levels=(Level(score=1, description="no"), Level(score=2, description="yes"))
        ),
        reference="For all." if number % 2 else None,
        teacher="A" if number == 1 else None,
    )


def batch(count: int) -> Batch:
    records = tuple(record(number, name) for name in ("ann", "bob") for number in range(count))
    return Batch(run="mine", guidelines="Choose the better one.", records=records)


@pytest.fixture(name="desk")
def _desk(running: Running, monkeypatch: pytest.MonkeyPatch) -> Iterator[Argilla]:
    monkeypatch.setenv("ARGILLA_API_KEY", running.rest().api_key)
    yield Argilla(url=f"http://127.0.0.1:{running.port}")
    for one in running.rest()("GET", "/me/datasets")["items"]:
        running.rest()("DELETE", f"/datasets/{one['id']}")


def records_of(api: Rest, name: str) -> dict[str, str]:
    """External id -> id of the records of a data set."""
    (dataset,) = [one["id"] for one in api("GET", "/me/datasets")["items"] if one["name"] == name]
    found = api("GET", f"/datasets/{dataset}/records?limit=500")["items"]
    return {one["external_id"]: one["id"] for one in found}


def submit(api: Rest, record_id: str, choice: str, status: str = "submitted", comment: str | None = None) -> None:
    values = {"choice": {"value": choice}, **({"comment": {"value": comment}} if comment else {})}
    api("POST", f"/records/{record_id}/responses", {"values": values, "status": status})


def told(desk: Argilla) -> dict[tuple[str, str], Said]:
    return {(said.record_id, said.annotator): said for _, said in desk.collect("mine", ())}


def test_pairs_go_there_and_what_was_submitted_comes_back(running: Running, desk: Argilla, tmp_path: Path) -> None:
    where = desk.offer(batch(130), tmp_path)
    assert len(where) == 2
    assert told(desk) == {}
    ann, bob = running.rest("ann"), running.rest("bob")
    mine = records_of(running.rest(), "mine for ann")
    assert len(mine) == 130
    for number, (choice, comment) in enumerate([("A", "clearer"), ("B", None), ("tie", None), ("cannot_judge", None)]):
        submit(ann, mine[f"r{number}-ann"], choice, comment=comment)
    submit(ann, mine["r9-ann"], "A", status="draft")
    submit(bob, records_of(running.rest(), "mine for bob")["r0-bob"], "B")
    found = told(desk)
    assert {key: one.choice for key, one in found.items()} == {
        ("r0-ann", "ann"): "A",
        ("r1-ann", "ann"): "B",
        ("r2-ann", "ann"): "tie",
        ("r3-ann", "ann"): None,
        ("r0-bob", "bob"): "B",
    }
    assert found["r0-ann", "ann"].comment == "clearer"
    assert all(one.at for one in found.values())
    assert desk.offer(batch(131), tmp_path) == where
    assert len(records_of(running.rest(), "mine for ann")) == 131
    assert told(desk) == found


def test_what_is_wrong_is_one_line(running: Running, desk: Argilla, tmp_path: Path) -> None:
    unknown = Batch(run="mine", guidelines="", records=(record(0, "cyd"),))
    with pytest.raises(UserError, match=r"no user named 'cyd'\. Known: ann, bob, owner\."):
        desk.offer(unknown, tmp_path)
    with pytest.raises(UserError, match=r"no workspace 'elsewhere'\. Known: reviews\."):
        desk.model_copy(update={"workspace": "elsewhere"}).offer(batch(1), tmp_path)
    with pytest.raises(EndpointError, match=r"no Argilla server answers there"):
        told(desk.model_copy(update={"url": "http://127.0.0.1:9"}))
    with pytest.raises(UserError, match=r"labels come from there, not from files"):
        list(desk.collect("mine", [tmp_path / "x"]))


def test_a_wrong_key_and_none_are_one_line(running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Argilla(url=f"http://127.0.0.1:{running.port}")
    monkeypatch.delenv("ARGILLA_API_KEY", raising=False)
    with pytest.raises(UserError, match=r"the environment variable ARGILLA_API_KEY is not set"):
        desk.offer(batch(1), tmp_path)
    for key in ("wrong", running.rest("ann").api_key):
        monkeypatch.setenv("ARGILLA_API_KEY", key)
        with pytest.raises(EndpointError, match=r"the key in ARGILLA_API_KEY is not an owner's"):
            desk.offer(batch(1), tmp_path)
