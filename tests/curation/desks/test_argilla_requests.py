"""The Argilla desk's requests: what is sent again, which records are left out, and the one line where it stops."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from prefmill.curation.desks import Asked, Batch, Record
from prefmill.curation.desks._argilla_api import reason_of
from prefmill.curation.desks._argilla_text import JOINER, disarmed
from prefmill.curation.desks.argilla import Argilla
from prefmill.schemas.errors import EndpointError, UserError
from prefmill.schemas.rows import Message

from .little_argilla import DOWN, HANG, KEY, LittleArgilla, serving


def batch(count: int, *texts: str, annotator: str = "ann", asked: Asked | None = None) -> Batch:
    """`count` records; the answers of the first ones are `texts`."""
    answers = [*texts, *(f"Answer {number}." for number in range(len(texts), count))]
    records = tuple(
        Record(
            record_id=f"r{number}",
            annotator=annotator,
            messages=(Message(role="user", content=f"Question {number}?"),),
            a=answer,
            b="No.",
        )
        for number, answer in enumerate(answers)
    )
    return Batch(run="mine", guidelines="Choose.", asked=asked or Asked(), records=records)


@pytest.fixture(name="little")
def _little(monkeypatch: pytest.MonkeyPatch) -> Iterator[LittleArgilla]:
    monkeypatch.setenv("ARGILLA_API_KEY", KEY)
    with serving(LittleArgilla()) as little:
        yield little


def desk(little: LittleArgilla, retries: int = 1) -> Argilla:
    return Argilla(url=little.url, retries=retries, timeout=5)


def there(little: LittleArgilla, name: str = "mine for ann") -> set[str]:
    return set(little.datasets[name]["records"])


def test_one_bad_record_is_found_and_the_rest_goes_in(little: LittleArgilla, tmp_path: Path) -> None:
    little.bad = {"too long": (422, "it is too long"), "worse": (422, "it is worse")}
    told: list[int] = []
    texts = ["fine", "too long", "worse", "half a pair: \ud83d"]
    offered = desk(little).offer(batch(130, *texts), tmp_path, told.append)
    assert dict(offered.refused) == {
        "r1": "it is too long",
        "r2": "it is worse",
        "r3": "a text holds half of a surrogate pair, which is no character",
    }
    assert there(little) == {f"r{number}" for number in range(130)} - {"r1", "r2", "r3"}
    assert told == [1, 100, 29]
    # Halving 100 down to two that are side by side.
    assert len(little.sizes) < 20


@pytest.mark.parametrize("status", [400, 413, 422, 500])
def test_whatever_the_server_calls_it(little: LittleArgilla, tmp_path: Path, status: int) -> None:
    little.bad = {"bad": (status, "no such text")}
    offered = desk(little, retries=0).offer(batch(9, "good", "bad"), tmp_path, lambda count: None)
    assert dict(offered.refused) == {"r1": "no such text"}
    assert len(there(little)) == 8


def test_requests_stay_under_what_a_proxy_takes(little: LittleArgilla, tmp_path: Path) -> None:
    little.limit = 1_000_000
    long = "x" * 300_000
    offered = desk(little).offer(batch(7, long, long, long, long, "y" * 1_000_000), tmp_path, lambda count: None)
    assert dict(offered.refused) == {"r4": "<html>Too large</html>"}
    assert little.sizes == [2, 2, 1, 2]


def test_a_server_that_stores_nothing_is_not_a_bad_record(little: LittleArgilla, tmp_path: Path) -> None:
    little.bad = {"Question": (500, "Internal Server Error")}
    with pytest.raises(EndpointError, match=r"HTTP 500: Internal Server Error\. 0 of 3 records are there; the same"):
        desk(little, retries=0).offer(batch(3), tmp_path, lambda count: None)


@pytest.mark.parametrize("status", [DOWN, 429, 500])
def test_what_failed_once_is_sent_again(little: LittleArgilla, tmp_path: Path, status: int) -> None:
    little.next_bulk = [status]
    started = time.monotonic()
    assert desk(little).offer(batch(3), tmp_path, lambda count: None).refused == {}
    assert time.monotonic() - started >= (1 if status == 429 else 0.5)  # 429 comes with Retry-After.
    assert (len(there(little)), little.sizes) == (3, [3, 3])


def test_a_server_that_takes_too_long_is_asked_again_and_then_named(little: LittleArgilla, tmp_path: Path) -> None:
    little.next_bulk = [HANG]
    hasty = desk(little).model_copy(update={"timeout": 0.5})
    assert hasty.offer(batch(3), tmp_path, lambda count: None).refused == {}
    little.next_bulk = [HANG]
    with pytest.raises(EndpointError, match=r"answers no more \(no reply within 0\.5 s\)\. 0 of 3 records are there;"):
        hasty.model_copy(update={"retries": 0}).offer(batch(3), tmp_path, lambda count: None)


def test_a_server_that_goes_down_says_how_far_it_got_and_the_same_goes_on(
    little: LittleArgilla, tmp_path: Path
) -> None:
    little.next_bulk = [200, 503, 503]
    with pytest.raises(EndpointError, match=r"HTTP 503: not now\. 100 of 150 records are there; the same command goes"):
        desk(little).offer(batch(150), tmp_path, lambda count: None)
    little.next_bulk = [200, DOWN]
    message = r"answers no more \(ConnectionError\)\. 100 of 150 records are there; the same command goes on\."
    with pytest.raises(EndpointError, match=message):
        desk(little, retries=0).offer(batch(150), tmp_path, lambda count: None)
    desk(little).offer(batch(150), tmp_path, lambda count: None)
    assert len(there(little)) == 150
    assert list(little.datasets) == ["mine for ann"]


def test_a_data_set_that_somebody_deleted_is_made_again_and_missed(little: LittleArgilla, tmp_path: Path) -> None:
    records = (*batch(2).records, *batch(2, annotator="bob").records)
    both = Batch(run="mine", guidelines="", records=records)
    desk(little).offer(both, tmp_path, lambda count: None)
    assert desk(little).gone("mine", ["ann", "bob"]) == {}
    del little.datasets["mine for ann"]
    assert desk(little).gone("mine", ["ann", "bob"]) == {"ann": f"no data set 'mine for ann' at {little.url}"}
    desk(little).offer(both, tmp_path, lambda count: None)
    assert there(little) == {"r0", "r1"}
    little.datasets["mine for ann"]["status"] = "draft"
    desk(little).offer(both, tmp_path, lambda count: None)
    assert little.datasets["mine for ann"]["status"] == "ready"


def test_other_questions_than_a_data_set_has_are_refused(little: LittleArgilla, tmp_path: Path) -> None:
    desk(little).offer(batch(1), tmp_path, lambda count: None)
    for asked, missing in (
        (Asked(scale=(1, 5)), "rating_a, rating_b"),
        (Asked(criteria=("Is it right?",)), "criterion-[0-9a-f]{8}"),
    ):
        with pytest.raises(
            UserError, match=rf"was made for other questions \({missing}\), and they cannot change there"
        ):
            desk(little).offer(batch(1, asked=asked), tmp_path, lambda count: None)
    with pytest.raises(UserError, match=r"Argilla takes ratings from 0 to 10 \(got 1 to 100\)"):
        desk(little).offer(batch(1, asked=Asked(scale=(1, 100))), tmp_path, lambda count: None)


def test_what_is_wrong_with_the_server_or_the_key_is_one_line(
    little: LittleArgilla, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(message: str, **changes: object) -> None:
        with pytest.raises(EndpointError, match=message):
            desk(little).model_copy(update=changes).offer(batch(1), tmp_path, lambda count: None)

    fails(r"http://127\.0\.0\.1:9: no Argilla server answers there \(ConnectionError\)\.", url="http://127.0.0.1:9")
    fails(r"/nowhere: what answers there is no Argilla server\.", url=f"{little.url}/nowhere")
    little.version = "1.29.0"
    fails(r"argilla-server 1\.29\.0 answers there; 2\.x is needed\.")
    little.version, little.role = "2.8.0", "annotator"
    fails(r"the key in ARGILLA_API_KEY is that of owner, an annotator; an owner's or an admin's is needed\.")
    monkeypatch.setenv("ARGILLA_API_KEY", "wrong")
    fails(r"the key in ARGILLA_API_KEY is refused \(HTTP 401\)\.")
    assert little.datasets == {}


def test_metadata_and_vectors_are_declared_once(little: LittleArgilla, tmp_path: Path) -> None:
    first, second = batch(2).records
    changed = (
        first.model_copy(update={"metadata": {"category": "<b>odd</b>", "words": 3}, "vector": (0.6, 0.8)}),
        second.model_copy(update={"metadata": {"category": 7}}),
    )
    for _ in range(2):
        desk(little).offer(batch(1).model_copy(update={"records": changed}), tmp_path, lambda count: None)
    dataset = little.datasets["mine for ann"]
    assert {one["name"]: one["settings"]["type"] for one in dataset["metadata"]} == {
        "category": "terms",
        "words": "integer",
    }
    assert len(dataset["metadata"]) == 2
    assert [(one["name"], one["dimensions"]) for one in dataset["vectors"]] == [("question", 2)]
    assert dataset["records"]["r0"]["metadata"] == {"category": disarmed("<b>odd</b>"), "words": 3}
    assert dataset["records"]["r0"]["vectors"] == {"question": [0.6, 0.8]}
    assert dataset["records"]["r1"]["metadata"] == {"category": "7"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<script>x</script>", "<¤script>x<¤/script>"),
        ("<!-- c --> <?x", "<¤!-- c --> <¤?x"),
        ("![a](http://x) [a](http://x) !", "!¤[a](http://x) [a](http://x) !"),
        ("1 < 2, a <b, x<3, <<i>", "1 < 2, a <¤b, x<3, <<¤i>"),
    ],
)
def test_no_tag_and_no_image_is_left_of_a_text(text: str, shown: str) -> None:
    assert disarmed(text) == shown.replace("¤", JOINER)
    assert disarmed(text).replace(JOINER, "") == text
    assert disarmed(disarmed(text)) == disarmed(text)


@pytest.mark.parametrize(
    ("detail", "reason"),
    [
        ("Record is\n odd", "Record is odd"),
        ({"params": {"detail": "No rights"}}, "No rights"),
        (
            {"params": {"errors": [{"loc": ["body", "items", 0, "fields", "a"], "msg": "too short"}]}},
            "fields.a: too short",
        ),
        ({"code": "builtins.TypeError", "params": {}}, "builtins.TypeError"),
    ],
)
def test_reasons_as_argilla_gives_them(detail: object, reason: str) -> None:
    assert reason_of(json.dumps({"detail": detail}).encode()) == reason
