"""The real argilla-server with the embedded search engine, over its REST API; no part of it is replaced."""

from __future__ import annotations

import math
import random
import stat
import threading
import time
import urllib.request
from typing import Any

import pytest

from prefmill.pipelines.embedded_argilla.server import down, status
from prefmill.pipelines.embedded_argilla.upkeep import add_users, reindex, users
from prefmill.schemas.errors import UserError

from .rest import VECTORS, Refused
from .running import WORKSPACE, Running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

KINDS, COUNT = ("poem", "proof", "recipe"), 60


def _vector(number: int) -> list[float]:
    draw = random.Random(number)
    return [draw.uniform(-1, 1) for _ in range(VECTORS)]


def _item(number: int, **rest: object) -> dict[str, Any]:
    return {
        "external_id": f"x{number}",
        "fields": {
            "text": f"Text number{number} about a {KINDS[number % 3]}.",
            "chat": [{"role": "user", "content": f"Hello from {'Oslo' if number % 2 else 'Rome'}"}],
        },
        "metadata": {"kind": KINDS[number % 3], "number": number, "share": number / COUNT},
        "vectors": {"v": _vector(number)},
        **rest,
    }


def _where(entity: str, values: list[str] | None = None, **rest: object) -> dict[str, object]:
    scope = {"entity": entity, **{name: of for name, of in rest.items() if name not in {"ge", "le"}}}
    if values is not None:
        return {"and": [{"type": "terms", "scope": scope, "values": values}]}
    return {"and": [{"type": "range", "scope": scope, "ge": rest.get("ge"), "le": rest.get("le")}]}


@pytest.fixture(name="dataset", scope="module")
def _dataset(running: Running) -> str:
    """60 records; each third has a suggestion with its number as score."""
    rest = running.rest()
    dataset = rest.publish(WORKSPACE, "records")
    question = rest.questions(dataset)["label"]
    items = []
    for number in range(COUNT):
        suggestion = {"question_id": question, "value": "yes", "score": number / 100, "agent": "m"}
        items.append(_item(number, suggestions=[suggestion] if number % 3 == 0 else []))
    rest.log(dataset, items)
    return dataset


def _numbers(*numbers: int) -> list[str]:
    return [f"x{number}" for number in numbers]


@pytest.mark.parametrize(
    ("query", "field", "count"),
    [
        ("poem", None, 20),
        ("poem | proof", None, 40),
        ("-poem", None, 40),
        ("number7", None, 1),
        ("number1*", None, 11),
        ('"about a recipe"', None, 20),
        ("Oslo poem", None, 10),
        ("Oslo", "chat", 30),
        ("Oslo", "text", 0),
        ("user", None, 0),
    ],
)
def test_text_is_found(running: Running, dataset: str, query: str, field: str | None, count: int) -> None:
    found, total = running.rest().search(dataset, query={"text": {"q": query, "field": field}})
    assert (len(set(found)), total) == (count, count)


def test_a_query_over_the_caps_is_refused_with_a_reason(running: Running, dataset: str) -> None:
    with pytest.raises(Refused) as refused:
        running.rest().search(dataset, query={"text": {"q": "word " * 200}})
    assert refused.value.args[0] == 422
    assert "words and phrases" in refused.value.args[1]


def test_records_are_filtered_and_sorted(running: Running, dataset: str) -> None:
    rest = running.rest()
    assert rest.search(dataset, filters=_where("metadata", ["poem"], metadata_property="kind"))[1] == 20
    assert rest.search(dataset, filters=_where("metadata", ge=50, metadata_property="number"))[1] == 10
    assert rest.search(dataset, filters=_where("suggestion", ["m"], question="label", property="agent"))[1] == 20
    assert rest.search(dataset, filters=_where("suggestion", le=0.1, question="label", property="score"))[1] == 4
    by_share = [{"scope": {"entity": "metadata", "metadata_property": "share"}, "order": "desc"}]
    assert rest.search(dataset, sort=by_share)[0] == _numbers(*reversed(range(COUNT)))


def test_the_nearest_records_are_found_exactly(running: Running, dataset: str) -> None:
    rest = running.rest()
    asked = _vector(1000)
    near = sorted(range(COUNT), key=lambda number: -_cosine(asked, _vector(number)))
    found, _ = rest.search(dataset, query={"vector": {"name": "v", "value": asked}})
    assert found == _numbers(*near)
    filters = _where("metadata", ["poem"], metadata_property="kind")
    found, _ = rest.search(dataset, query={"vector": {"name": "v", "value": asked}}, filters=filters)
    assert found == _numbers(*(number for number in near if number % 3 == 0))


def _cosine(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True)) / math.hypot(*a) / math.hypot(*b)


def test_answers_show_in_progress_and_filters_and_outlast_a_restart(running: Running) -> None:
    owner, ann, bob = (running.rest(name) for name in ("owner", "ann", "bob"))
    dataset = owner.publish(WORKSPACE, "answered")
    records = owner.log(dataset, [_item(number) for number in range(10)])
    for rest, answered in ((ann, records[:4]), (bob, records[2:6])):
        for record in answered:
            rest("POST", f"/records/{record}/responses", {"status": "submitted", "values": {"rating": {"value": 4}}})
    ann("POST", f"/records/{records[9]}/responses", {"status": "discarded"})

    def check() -> None:
        progress = owner("GET", f"/datasets/{dataset}/progress")
        assert {name: progress[name] for name in ("total", "completed", "pending")} == {
            "total": 10,
            "completed": 2,
            "pending": 8,
        }
        mine = ann("GET", f"/me/datasets/{dataset}/metrics")["responses"]
        assert {name: mine[name] for name in ("submitted", "discarded", "pending")} == {
            "submitted": 4,
            "discarded": 1,
            "pending": 5,
        }
        pending = _where("response", ["pending"], property="status")
        assert sorted(ann.search(dataset, mine=True, filters=pending)[0]) == _numbers(4, 5, 6, 7, 8)
        rated = _where("response", ["4"], question="rating")
        assert sorted(owner.search(dataset, filters=rated)[0]) == _numbers(*range(6))
        order = ann.search(dataset, mine=True)[0]
        assert order == ann.search(dataset, mine=True)[0] != bob.search(dataset, mine=True)[0]

    check()
    assert down(running.home)
    before = running.home.joinpath("server.log").stat().st_size
    running.start()
    check()
    log = running.home.joinpath("server.log").read_text()[before:]
    assert "search index made again" not in log, "what was indexed is what the database holds"
    assert down(running.home)
    for name in ("search.db", "search.db-wal", "search.db-shm"):
        running.home.joinpath(name).unlink(missing_ok=True)
    running.start()
    check()
    assert down(running.home)
    reindex(running.home, lambda line: None)
    running.start()
    check()


def test_a_job_completes_records_after_the_distribution_changed(running: Running) -> None:
    owner, ann = running.rest(), running.rest("ann")
    dataset = owner.publish(WORKSPACE, "distributed")
    records = owner.log(dataset, [_item(number) for number in range(4)])
    ann("POST", f"/records/{records[0]}/responses", {"status": "submitted", "values": {"rating": {"value": 1}}})
    assert owner("GET", f"/datasets/{dataset}/progress")["completed"] == 0
    time.sleep(2)  # The queue has been found empty by now.
    owner("PATCH", f"/datasets/{dataset}", {"distribution": {"strategy": "overlap", "min_submitted": 1}})
    latest = time.monotonic() + 20
    while owner("GET", f"/datasets/{dataset}/progress")["completed"] != 1:
        assert time.monotonic() < latest
        time.sleep(0.1)


def test_a_killed_server_has_lost_nothing_that_it_confirmed(running: Running) -> None:
    """Killed while 1,000 records are logged, 50 at a time; then the index holds what the database holds."""
    rest = running.rest()
    dataset = rest.publish(WORKSPACE, "killed")
    confirmed = 0
    for start in range(0, 1000, 50):
        if start == 500:
            _kill_soon(running)
        try:
            confirmed += len(rest.log(dataset, [_item(number) for number in range(start, start + 50)]))
        except OSError:
            break
    assert confirmed < 1000
    running.start()
    stored = rest("GET", f"/datasets/{dataset}/records?limit=1")["total"]
    _, indexed = rest.search(dataset)
    assert indexed == stored >= confirmed
    rest.log(dataset, [_item(number) for number in range(2000, 2010)])
    assert rest.search(dataset)[1] == stored + 10


def _kill_soon(running: Running) -> None:
    threading.Timer(0.05, running.kill).start()


def test_the_web_pages_are_served(running: Running) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{running.port}/", timeout=10) as reply:
        assert b"Argilla" in reply.read()


def test_a_stranger_is_refused(running: Running, dataset: str) -> None:
    rest = running.rest()
    rest.api_key = "argilla.apikey"  # Argilla's own default.
    with pytest.raises(Refused) as refused:
        rest("GET", f"/datasets/{dataset}")
    assert refused.value.args[0] == 401


def test_secrets_are_for_their_owner_alone(running: Running) -> None:
    assert stat.S_IMODE((running.home / "secrets.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(running.home.stat().st_mode) == 0o700
    assert len({of.password for of in users(running.home)}) == len(users(running.home))


def test_annotators_are_added_beside_a_running_server(running: Running, dataset: str) -> None:
    (made,) = add_users(running.home, ["carol"], lambda line: None, workspace=WORKSPACE)
    assert running.rest("carol").search(dataset, mine=True)[1] == COUNT
    assert add_users(running.home, ["carol"], lambda line: None, workspace=WORKSPACE) == [made]


def test_reindexing_waits_for_the_server_to_be_stopped(running: Running) -> None:
    with pytest.raises(UserError, match="stop it first"):
        reindex(running.home, lambda line: None)
    assert status(running.home).ready
