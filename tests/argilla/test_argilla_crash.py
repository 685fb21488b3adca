"""A server, a data set or an address that goes away while a batch is handed out: what was accepted is there, one line
says what happened, and the same batch once more completes it."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from prefmill.curation.desks import Batch, Record
from prefmill.curation.desks.argilla import Argilla
from prefmill.schemas.errors import EndpointError, UserError
from prefmill.schemas.rows import Message

from .conftest import free_port
from .rest import Refused, Rest
from .running import Running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PEOPLE = ("ann", "bob")
RECORDS, EARLY, KILLED_AT = 1000, 60, 300
KEY = "CRASH_KEY"


def batch(count: int, run: str) -> Batch:
    """So many records, one half for each annotator; each has a word that no other has."""
    records = tuple(
        Record(
            record_id=f"r{number}",
            annotator=PEOPLE[number % 2],
            messages=(Message(role="user", content=f"What is word{number} for?"),),
            a="For this.",
            b="For that. " * 20,
            teacher="A",
            metadata={"number": number},
            vector=(number / count, 1.0, 0.5),
        )
        for number in range(count)
    )
    return Batch(run=run, guidelines="Choose the better one.", records=records)


@pytest.fixture(name="desk")
def _desk(running: Running, monkeypatch: pytest.MonkeyPatch) -> Iterator[Argilla]:
    """One that gives up at once."""
    monkeypatch.setenv(KEY, running.rest().api_key)
    yield Argilla(url=f"http://127.0.0.1:{running.port}", api_key_env=KEY, retries=0)
    running.start()


def after(count: int, then: Callable[[], object]) -> Callable[[int], None]:
    """Hears how many records more are there, and does something once when they are so many."""
    left = [count]

    def tell(more: int) -> None:
        left[0] -= more
        if left[0] <= 0 < left[0] + more:
            then()

    return tell


def datasets(api: Rest, run: str) -> dict[str, str]:
    """Annotator -> the id of their data set."""
    found = {one["name"]: str(one["id"]) for one in api("GET", "/me/datasets")["items"]}
    return {name: found[f"{run} for {name}"] for name in PEOPLE if f"{run} for {name}" in found}


def stored(api: Rest, dataset: str) -> dict[str, dict[str, str]]:
    """Record -> user -> what they chose, by the database. No record is there twice."""
    found = api("GET", f"/datasets/{dataset}/records?include=responses&limit=1000")["items"]
    by_id = {
        one["external_id"]: {of["user_id"]: of["values"]["choice"]["value"] for of in one["responses"]} for one in found
    }
    assert len(by_id) == len(found)
    return by_id


def found_by_words(api: Rest, dataset: str, records: int, at_once: int = 100) -> set[str]:
    """The records that the search index finds by the words that each of them alone has."""
    found: set[str] = set()
    for start in range(0, records, at_once):
        query = " | ".join(f"word{number}" for number in range(start, start + at_once))
        found |= set(api.search(dataset, query={"text": {"q": query, "field": "chat"}})[0])
    return found


def counts(home: Path) -> tuple[dict[str, int], dict[str, int]]:
    """Rows of what Argilla's database and the search index both hold."""
    names = {"records": "docs", "responses": "responses", "suggestions": "suggestions", "vectors": "vectors"}

    def of(file: Path, tables: dict[str, str]) -> dict[str, int]:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as opened:
            return {
                name: opened.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for name, table in tables.items()
            }

    return of(home / "argilla.db", {name: name for name in names}), of(home / "search.db", names)


class Person(threading.Thread):
    """Answers what is there, one record after the other, until the server is gone; knows what was accepted."""

    def __init__(self, api: Rest, dataset: str) -> None:
        super().__init__(daemon=True)
        self.api, self.dataset = api, dataset
        self.user = str(api("GET", "/me")["id"])
        self.accepted: dict[str, str] = {}
        self.refused: list[object] = []

    def run(self) -> None:
        where = {"entity": "response", "property": "status"}
        open_ = {"filters": {"and": [{"type": "terms", "scope": where, "values": ["pending"]}]}}
        try:
            while True:
                page = self.api("POST", f"/me/datasets/{self.dataset}/records/search?limit=10", open_)
                for item in page["items"]:
                    self.answer(item["record"])
        except OSError:
            return  # Killed: what was on its way may or may not have been heard.
        except Refused as error:
            self.refused.append(error.args)

    def answer(self, record: dict[str, Any]) -> None:
        choice = ("A", "B", "tie", "cannot_judge")[int(record["external_id"][1:]) // 2 % 4]
        values = {"choice": {"value": choice}}
        self.api("POST", f"/records/{record['id']}/responses", {"values": values, "status": "submitted"})
        self.accepted[record["external_id"]] = choice


def test_a_server_killed_while_records_come_and_people_answer(running: Running, desk: Argilla, tmp_path: Path) -> None:
    run, owner = "killed", running.rest()
    desk.offer(batch(EARLY, run), tmp_path, lambda more: None)
    people = [Person(running.rest(name), dataset) for name, dataset in datasets(owner, run).items()]
    for person in people:
        person.start()
    killing = threading.Timer(0.2, running.kill)  # While the next request is under way.
    whole = batch(RECORDS, run)
    with pytest.raises(UserError, match=r"answers no more .*\d+ of 1,000 records are there") as stopped:
        desk.offer(whole, tmp_path, after(KILLED_AT, killing.start))
    assert isinstance(stopped.value, EndpointError) and "\n" not in str(stopped.value)
    killing.join()
    for person in people:
        person.join()
        assert person.refused == []
        assert person.accepted

    running.start()
    truth, index = counts(running.home)
    assert truth == index
    assert KILLED_AT <= truth["records"] < RECORDS
    for person in people:
        there = stored(owner, person.dataset)
        assert there.keys() == found_by_words(owner, person.dataset, RECORDS)
        assert {name: there[name][person.user] for name in person.accepted} == person.accepted
        where = {"entity": "response", "property": "status"}
        done = {"filters": {"and": [{"type": "terms", "scope": where, "values": ["submitted"]}]}}
        assert set(person.api.search(person.dataset, mine=True, **done)[0]) >= person.accepted.keys()

    told: list[int] = []
    assert desk.offer(whole, tmp_path, told.append).refused == {}
    assert sum(told) == RECORDS
    truth, index = counts(running.home)
    assert truth == index
    assert (truth["records"], truth["vectors"], truth["suggestions"]) == (RECORDS, RECORDS, RECORDS)
    assert set().union(*(stored(owner, person.dataset) for person in people)) == {f"r{n}" for n in range(RECORDS)}
    for person in people:
        assert found_by_words(owner, person.dataset, RECORDS) == stored(owner, person.dataset).keys()
    back = {said.record_id: said.choice for _, said in desk.collect(run, ())}
    for person in people:
        said = {name: None if choice == "cannot_judge" else choice for name, choice in person.accepted.items()}
        assert {name: back[name] for name in said} == said


def test_a_server_that_comes_back_in_time_is_waited_for(running: Running, desk: Argilla, tmp_path: Path) -> None:
    restart = threading.Thread(target=running.start)

    def kill_and_start() -> None:
        running.kill()
        restart.start()

    told: list[int] = []
    hear = after(100, kill_and_start)

    def tell(more: int) -> None:
        told.append(more)
        hear(more)

    desk.model_copy(update={"retries": 6}).offer(batch(400, "patient"), tmp_path, tell)
    restart.join()
    assert sum(told) == 400
    for dataset in datasets(running.rest(), "patient").values():
        there = stored(running.rest(), dataset)
        assert len(there) == 200
        assert found_by_words(running.rest(), dataset, 400) == there.keys()


def test_a_data_set_that_somebody_deletes_is_one_line_and_made_again(
    running: Running, desk: Argilla, tmp_path: Path
) -> None:
    owner = running.rest()

    def delete() -> None:
        owner("DELETE", f"/datasets/{datasets(owner, 'deleted')['bob']}")

    whole = batch(400, "deleted")
    with pytest.raises(UserError, match=r"HTTP 404.*not found.*300 of 400 records are there") as stopped:
        desk.offer(whole, tmp_path, after(300, delete))
    assert "\n" not in str(stopped.value)
    assert datasets(owner, "deleted").keys() == {"ann"}
    assert list(desk.gone("deleted", PEOPLE)) == ["bob"]
    ann = Person(running.rest("ann"), datasets(owner, "deleted")["ann"])
    first = next(iter(owner("GET", f"/datasets/{ann.dataset}/records?limit=1")["items"]))
    ann.answer(first)
    assert [said.record_id for _, said in desk.collect("deleted", ())] == [first["external_id"]]
    desk.offer(whole, tmp_path, lambda more: None)
    assert {name: len(stored(owner, dataset)) for name, dataset in datasets(owner, "deleted").items()} == {
        "ann": 200,
        "bob": 200,
    }
    assert [said.record_id for _, said in desk.collect("deleted", ())] == [first["external_id"]]


def test_a_wrong_address_or_key_is_one_line_and_leaves_nothing(
    running: Running, desk: Argilla, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = batch(4, "wrong")
    for url, line in (
        (f"http://127.0.0.1:{free_port()}", "no Argilla server answers there"),
        (f"{desk.url}/elsewhere", "what answers there is no Argilla server"),
        ("http://", "no Argilla server answers there"),
    ):
        begun = time.monotonic()
        with pytest.raises(EndpointError, match=line) as stopped:
            desk.model_copy(update={"url": url, "retries": 4}).offer(some, tmp_path, lambda more: None)
        assert "\n" not in str(stopped.value)
        assert time.monotonic() - begun < 5, "what never answered is not waited for"
    monkeypatch.setenv(KEY, "argilla.apikey")
    with pytest.raises(EndpointError, match=rf"the key in {KEY} is refused \(HTTP 401\)\.$"):
        desk.offer(some, tmp_path, lambda more: None)
    assert datasets(running.rest(), "wrong") == {}
    monkeypatch.setenv(KEY, running.rest().api_key)
    desk.offer(some, tmp_path, lambda more: None)
    assert {name: len(stored(running.rest(), of)) for name, of in datasets(running.rest(), "wrong").items()} == {
        "ann": 2,
        "bob": 2,
    }
