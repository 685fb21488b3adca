"""The Argilla desk against a real server: pairs go there, what annotators submit comes back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from prefmill.curation.desks import Asked, Batch, Offered, Record, Said
from prefmill.curation.desks.argilla import Argilla
from prefmill.curation.duplicates.bags import bags_of
from prefmill.pipelines.embedded_argilla.server import down
from prefmill.schemas.errors import EndpointError, UserError
from prefmill.schemas.rows import Message
from prefmill.schemas.rubric import Level, Rubric

from .rest import Rest
from .running import WORKSPACE, Running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

EVERYTHING = Asked(scale=(0, 10), criteria=("Is it right?", "Is it short?"))


def record(number: int, annotator: str = "ann", **changes: Any) -> Record:  # noqa: ANN401 - fields
    return Record(
        record_id=f"r{number}-{annotator}",
        annotator=annotator,
        messages=(
            Message(role="system", content="Be brief."),
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
        certainty=0.75 if number == 1 else None,
    ).model_copy(update=changes)


def batch(count: int, asked: Asked = Asked()) -> Batch:  # noqa: B008 - frozen
    records = tuple(record(number, name) for name in ("ann", "bob") for number in range(count))
    return Batch(run="mine", guidelines="Choose the better one.", asked=asked, records=records)


@pytest.fixture(name="desk")
def _desk(running: Running, monkeypatch: pytest.MonkeyPatch) -> Iterator[Argilla]:
    monkeypatch.setenv("ARGILLA_API_KEY", running.rest().api_key)
    yield Argilla(url=f"http://127.0.0.1:{running.port}", retries=0)
    for one in running.rest()("GET", "/me/datasets")["items"]:
        running.rest()("DELETE", f"/datasets/{one['id']}")


def offer(desk: Argilla, batch: Batch) -> Offered:
    return desk.offer(batch, Path("unused"), lambda count: None)


def dataset_of(api: Rest, name: str) -> str:
    (dataset,) = [one["id"] for one in api("GET", "/me/datasets")["items"] if one["name"] == name]
    return str(dataset)


def records_of(api: Rest, name: str, *include: str) -> dict[str, Any]:
    """External id -> the record, of a data set."""
    more = "".join(f"&include={one}" for one in include)
    found = api("GET", f"/datasets/{dataset_of(api, name)}/records?limit=500{more}")["items"]
    return {one["external_id"]: one for one in found}


def submit(api: Rest, record: dict[str, Any], status: str = "submitted", **values: object) -> Any:  # noqa: ANN401
    given = {name: {"value": value} for name, value in values.items()}
    return api("POST", f"/records/{record['id']}/responses", {"values": given, "status": status})


def told(desk: Argilla) -> dict[tuple[str, str], Said]:
    return {(said.record_id, said.annotator): said for _, said in desk.collect("mine", ())}


def test_pairs_go_there_and_what_was_submitted_comes_back(running: Running, desk: Argilla) -> None:
    heard: list[int] = []
    offered = desk.offer(batch(130), Path("unused"), heard.append)
    assert (len(offered.where), offered.refused, heard) == (2, {}, [100, 30, 100, 30])
    assert told(desk) == {}
    owner, ann, bob = running.rest(), running.rest("ann"), running.rest("bob")
    mine = records_of(owner, "mine for ann")
    assert len(mine) == 130
    for number, (choice, comment) in enumerate([("A", "clearer"), ("B", None), ("tie", None), ("cannot_judge", None)]):
        submit(ann, mine[f"r{number}-ann"], choice=choice, **({"comment": comment} if comment else {}))
    submit(ann, mine["r9-ann"], "draft", choice="A")
    submit(ann, mine["r10-ann"], "discarded")
    submit(bob, records_of(owner, "mine for bob")["r0-bob"], choice="B")
    found = told(desk)
    assert {key: one.choice for key, one in found.items()} == {
        ("r0-ann", "ann"): "A",
        ("r1-ann", "ann"): "B",
        ("r2-ann", "ann"): "tie",
        ("r3-ann", "ann"): None,
        ("r0-bob", "bob"): "B",
    }
    assert found["r0-ann", "ann"].comment == "clearer"
    assert all(one.at and abs(one.at - time.time()) < 300 for one in found.values())
    assert all((one.ratings, one.criteria) == (None, {}) for one in found.values())
    assert offer(desk, batch(131)).where == offered.where
    assert len(records_of(owner, "mine for ann")) == 131
    assert told(desk) == found


def test_ratings_and_criteria_are_asked_and_come_back(running: Running, desk: Argilla) -> None:
    offer(desk, batch(3, EVERYTHING))
    owner, ann = running.rest(), running.rest("ann")
    asked = owner("GET", f"/datasets/{dataset_of(owner, 'mine for ann')}/questions")["items"]
    assert [(one["title"], one["required"]) for one in asked] == [
        ("Which answer is better?", True),
        ("Answer A", False),
        ("Answer B", False),
        ("Is it right?", False),
        ("Is it short?", False),
        ("Comment", False),
    ]
    name = {one["title"]: one["name"] for one in asked}
    mine = records_of(owner, "mine for ann")
    right, short = name["Is it right?"], name["Is it short?"]
    submit(ann, mine["r0-ann"], choice="A", rating_a=10, rating_b=0, **{right: "B", short: "cannot_judge"})
    submit(ann, mine["r1-ann"], choice="tie", rating_b=3, **{short: "tie"})
    submit(ann, mine["r2-ann"], choice="B")
    found = {name: (one.ratings, one.criteria) for (name, _), one in told(desk).items()}
    assert found == {
        "r0-ann": ((10, 0), {"Is it right?": "B", "Is it short?": None}),
        "r1-ann": ((None, 3), {"Is it short?": "tie"}),
        "r2-ann": (None, {}),
    }
    # Asking less of the same data set needs no other one; asking otherwise does.
    assert offer(desk, batch(3)).refused == {}
    with pytest.raises(
        UserError, match=r"made for other questions \(rating_a, rating_b\), and they cannot change there"
    ):
        offer(desk, batch(3, Asked(scale=(1, 5))))
    (question,) = [one for one in asked if one["name"] == right]
    owner("PATCH", f"/questions/{question['id']}", {"title": "Is it wrong?"})
    with pytest.raises(
        UserError, match=r"mine for ann: the title of the question criterion-.* was changed to 'Is it wr"
    ):
        told(desk)


def test_what_was_said_and_suggested_stays_when_it_is_pushed_again(running: Running, desk: Argilla) -> None:
    offer(desk, batch(2))
    owner, ann = running.rest(), running.rest("ann")
    submit(ann, records_of(owner, "mine for ann")["r1-ann"], choice="B", comment="No.")
    before = records_of(owner, "mine for ann", "responses", "suggestions")["r1-ann"]
    offer(desk, batch(2))
    after = records_of(owner, "mine for ann", "responses", "suggestions")["r1-ann"]
    assert after["responses"] == before["responses"]
    assert (after["status"], len(after["responses"])) == ("completed", 1)
    (suggested,) = after["suggestions"]
    assert (suggested["value"], suggested["score"], suggested["agent"]) == ("A", 0.75, "teachers")
    assert suggested["id"] == before["suggestions"][0]["id"]


def test_records_are_found_by_metadata_and_by_a_question_like_theirs(running: Running, desk: Argilla) -> None:
    texts = ["How do I sort a list in Python?", "Who wrote Faust?", "How can I sort a long list in Python?", "Why?"]
    rows = bags_of(texts).tolist()
    some = tuple(
        record(
            number,
            messages=(Message(role="user", content=text),),
            vector=tuple(row),
            metadata={"category": "code" if "Python" in text else "other", "question_words": len(text.split())},
        )
        for number, (text, row) in enumerate(zip(texts, rows, strict=True))
    )
    offer(desk, Batch(run="mine", guidelines="", records=some))
    owner = running.rest()
    dataset = dataset_of(owner, "mine for ann")
    scope = {"entity": "metadata", "metadata_property": "category"}
    code = {"type": "terms", "scope": scope, "values": ["code"]}
    assert sorted(owner.search(dataset, filters={"type": "and", "and": [code]})[0]) == ["r0-ann", "r2-ann"]
    scope = {"entity": "metadata", "metadata_property": "question_words"}
    few = {"type": "range", "scope": scope, "le": 3}
    assert sorted(owner.search(dataset, filters={"type": "and", "and": [few]})[0]) == ["r1-ann", "r3-ann"]
    first = records_of(owner, "mine for ann")["r0-ann"]["id"]
    like = {"vector": {"name": "question", "record_id": first, "max_results": 2}}
    assert owner.search(dataset, query=like)[0][0] == "r2-ann"


def test_records_that_the_server_cannot_take_are_named_and_the_rest_goes_in(running: Running, desk: Argilla) -> None:
    long = (Message(role="user", content="x" * 20_001),)
    odd: dict[int, dict[str, Any]] = {
        3: {"messages": long},
        4: {"a": "half a pair: \ud83d"},
        60: {"metadata": {"number": 2**70}},
    }
    some = [record(number, **odd.get(number, {})) for number in range(110)]
    some += [record(110, a="a NUL: \0", b="\u2028\U0001f600 <!-- $& $' #TEMPLATE# -->")]
    refused = offer(desk, Batch(run="mine", guidelines="", records=tuple(some))).refused
    assert set(refused) == {"r3-ann", "r4-ann", "r60-ann"}
    assert "20000" in refused["r3-ann"]
    assert refused["r4-ann"] == "a text holds half of a surrogate pair, which is no character"
    there = records_of(running.rest(), "mine for ann")
    assert len(there) == 108
    assert there["r110-ann"]["fields"]["a"] == "a NUL: \0"


def test_no_text_of_a_record_holds_a_tag_or_an_image(running: Running, desk: Argilla) -> None:
    bad = "<img src=https://x.example onerror=run()> ![](https://y.example) `vec![<b>]`"
    text = record(1, a=bad, b=bad, reference=bad, metadata={"category": bad}, rubric=Rubric(criteria=bad))
    offer(desk, Batch(run="mine", guidelines="", records=(text,)))
    found = records_of(running.rest(), "mine for ann")["r1-ann"]
    shown = [found["fields"][name] for name in ("a", "b", "reference", "rubric")] + [found["metadata"]["category"]]
    assert [one.replace("\u2060", "") for one in shown] == [bad] * 5
    assert not any("<img" in one or "![" in one or "<b" in one for one in shown)
    assert "<b>" not in str(found["fields"]["chat"])


def test_seconds_are_the_time_since_the_one_before(running: Running, desk: Argilla) -> None:
    offer(desk, batch(6))
    ann, mine = running.rest("ann"), records_of(running.rest(), "mine for ann")
    submit(ann, mine["r0-ann"], choice="A")
    time.sleep(1.5)
    submit(ann, mine["r1-ann"], choice="B")
    drafted = submit(ann, mine["r2-ann"], "draft", choice="B")
    time.sleep(1.5)
    ann("PUT", f"/responses/{drafted['id']}", {"values": {"choice": {"value": "A"}}, "status": "submitted"})
    time.sleep(1.5)
    submit(ann, mine["r3-ann"], "discarded")
    time.sleep(1.5)
    submit(ann, mine["r4-ann"], choice="tie")
    seconds = {name: one.seconds for (name, _), one in told(desk).items()}
    # r1 and r2 came within a second of each other, as from the bulk view; r2 was a draft first; r4 follows a discard.
    assert {name: one is not None for name, one in seconds.items()} == {
        "r0-ann": False,
        "r1-ann": False,
        "r2-ann": False,
        "r4-ann": True,
    }
    assert 1.4 < (seconds["r4-ann"] or 0) < 60


def test_a_data_set_that_somebody_deleted_is_missed_and_made_again(running: Running, desk: Argilla) -> None:
    offer(desk, batch(2))
    owner, bob = running.rest(), running.rest("bob")
    submit(bob, records_of(owner, "mine for bob")["r1-bob"], choice="B")
    owner("DELETE", f"/datasets/{dataset_of(owner, 'mine for ann')}")
    assert desk.gone("mine", ["ann", "bob"]) == {"ann": f"no data set 'mine for ann' at {desk.url}"}
    assert list(told(desk)) == [("r1-bob", "bob")]
    offer(desk, batch(2))
    assert desk.gone("mine", ["ann", "bob"]) == {}
    assert len(records_of(owner, "mine for ann")) == 2
    assert list(told(desk)) == [("r1-bob", "bob")]


def test_data_sets_and_records_of_others_are_none_of_ours(running: Running, desk: Argilla) -> None:
    offer(desk, batch(1))
    others = Batch(run="mine for long", guidelines="", records=(record(7),))
    offer(desk, others)
    owner = running.rest()
    submit(running.rest("ann"), records_of(owner, "mine for long for ann")["r7-ann"], choice="A")
    submit(owner, records_of(owner, "mine for ann")["r0-ann"], choice="B")
    by_hand = {"fields": {"chat": [{"role": "user", "content": "?"}], "a": "1", "b": "2"}}
    (made,) = owner.log(dataset_of(owner, "mine for ann"), [by_hand])
    submit(running.rest("ann"), {"id": made}, choice="A")
    assert set(told(desk)) == {("r0-ann", "owner"), (made, "ann")}


def test_what_is_wrong_is_one_line(running: Running, desk: Argilla, tmp_path: Path) -> None:
    unknown = Batch(run="mine", guidelines="", records=(record(0, "cyd"),))
    with pytest.raises(UserError, match=r"no user 'cyd' in the workspace 'reviews'\. Known: ann, bob, owner\."):
        offer(desk, unknown)
    with pytest.raises(UserError, match=r"no workspace 'elsewhere'\. Known: reviews\."):
        offer(desk.model_copy(update={"workspace": "elsewhere"}), batch(1))
    with pytest.raises(EndpointError, match=r"no Argilla server answers there \(ConnectionError\)\.$"):
        told(desk.model_copy(update={"url": "http://127.0.0.1:9"}))
    with pytest.raises(EndpointError, match=r"what answers there is no Argilla server\.$"):
        told(desk.model_copy(update={"url": f"{desk.url}/home"}))
    with pytest.raises(UserError, match=r"labels come from there, not from files"):
        list(desk.collect("mine", [tmp_path / "x"]))
    with pytest.raises(
        EndpointError, match=r"HTTP 422: guidelines: String should have at most 10000 characters\. 0 of"
    ):
        offer(desk, batch(1).model_copy(update={"guidelines": "x" * 10_001}))


def test_keys_that_may_not_and_one_that_may(running: Running, desk: Argilla, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = running.rest()
    (workspace,) = [one["id"] for one in owner("GET", "/me/workspaces")["items"] if one["name"] == WORKSPACE]
    admin = owner("POST", "/users", {"username": "dee", "first_name": "D", "role": "admin", "password": "12345678"})
    monkeypatch.setenv("ARGILLA_API_KEY", admin["api_key"])
    with pytest.raises(UserError, match=r"no workspace 'reviews'\. Known: none\."):
        offer(desk, batch(1))
    owner("POST", f"/workspaces/{workspace}/users", {"user_id": admin["id"]})
    assert offer(desk, batch(1)).refused == {}
    submit(running.rest("ann"), records_of(owner, "mine for ann")["r0-ann"], choice="A")
    assert list(told(desk)) == [("r0-ann", "ann")]
    owner("DELETE", f"/users/{admin['id']}")
    with pytest.raises(EndpointError, match=r"the key in ARGILLA_API_KEY is refused \(HTTP 401\)\.$"):
        offer(desk, batch(1))
    monkeypatch.setenv("ARGILLA_API_KEY", running.rest("ann").api_key)
    with pytest.raises(EndpointError, match=r"is that of ann, an annotator; an owner's or an admin's is needed\.$"):
        offer(desk, batch(1))
    monkeypatch.delenv("ARGILLA_API_KEY")
    with pytest.raises(UserError, match=r"the environment variable ARGILLA_API_KEY is not set"):
        offer(desk, batch(1))


def test_a_server_that_goes_down_in_the_middle_and_comes_back(running: Running, desk: Argilla) -> None:
    def kill(count: int) -> None:
        running.kill()

    with pytest.raises(EndpointError, match=r"answers no more \(.*\)\. 100 of 260 records are there; the same command"):
        desk.offer(batch(130), Path("unused"), kill)
    running.start()
    offer(desk, batch(130))
    assert len(records_of(running.rest(), "mine for ann")) == 130
    # Its connections break, and nobody notices.
    patient = desk.model_copy(update={"retries": 6})

    def restart(count: int) -> None:
        if not restarted:
            restarted.append(down(running.home))
            running.start()

    restarted: list[object] = []
    assert patient.offer(batch(130), Path("unused"), restart).refused == {}
    assert restarted == [True]
