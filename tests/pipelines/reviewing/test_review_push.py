"""What annotators get: who has which pair, in which order, and nothing that tells who wrote an answer or why."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from prefmill.pipelines.reviewing.plan import plan
from prefmill.pipelines.reviewing.push import mixed, push
from prefmill.pipelines.reviewing.shown import as_compared, as_shown
from prefmill.schemas.errors import UserError
from prefmill.schemas.rows import Answer, Winner

from .people import MODELS, choice, handed, planned, raw, rows, settle

KEYS = {
    "record_id", "annotator", "messages", "a", "b", "rubric", "reference", "teacher", "certainty", "metadata",
    "guidelines", "asked",
}  # fmt: skip


def records(directory: Path, annotator: str) -> list[dict[str, str]]:
    text = (directory / "review" / "desk" / f"{annotator}.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def test_everybody_gets_a_share_and_doubles_go_to_two(directory: Path) -> None:
    told = plan(directory).as_plain()
    done = push(directory, ["ann", "bob"])
    assert done.missing == 0
    assert sum(done.records.values()) == told["labels"]
    assert abs(done.records["ann"] - done.records["bob"]) <= 1
    who: dict[str, set[str]] = {}
    for row in handed(directory).values():
        who.setdefault(row.comparison_id, set()).add(row.annotator)
    assert {row.comparison_id: row.annotators for row in planned(directory)} == {
        name: len(some) for name, some in who.items()
    }
    for name in ("ann", "bob"):
        assert [one["record_id"] for one in records(directory, name)] != sorted(handed(directory))
        assert len(records(directory, name)) == done.records[name]


def test_a_second_annotator_later_gets_what_the_first_cannot_say(directory: Path) -> None:
    told = plan(directory).as_plain()
    first = push(directory, ["ann"])
    pairs = sum(told["pairs"].values())
    assert (first.records, first.missing) == ({"ann": pairs}, told["labels"] - pairs)
    before = (directory / "review" / "desk" / "ann.html").read_bytes()
    second = push(directory, ["bob"])
    assert (second.records, second.missing) == ({"bob": told["labels"] - pairs}, 0)
    again = push(directory)
    assert again.records == {"ann": pairs, "bob": told["labels"] - pairs}
    assert (directory / "review" / "desk" / "ann.html").read_bytes() == before
    with pytest.raises(UserError, match=r"cid: nothing is left to hand out"):
        push(directory, ["cid"])


def test_records_are_blind_and_in_the_order_drawn(directory: Path) -> None:
    plan(directory)
    push(directory, ["ann", "bob"])
    own, texts = handed(directory), {answer.id: answer for answer in rows(directory, Answer)}
    strata = {row.comparison_id: row.stratum for row in planned(directory)}
    shown = Counter(row.shown for row in own.values())
    # Coins: 4 standard deviations.
    assert abs(shown[0, 1] - len(own) / 2) < 2 * len(own) ** 0.5
    by_text = {answer.text: answer.model for answer in texts.values()}
    for name in ("ann", "bob"):
        for one in records(directory, name):
            assert one.keys() == KEYS
            assert one["teacher"] is None
            assert not any(model in json.dumps(one) for model in MODELS)
            if strata[own[one["record_id"]].comparison_id] != "gold":
                assert one["a"] in by_text
                assert one["b"] in by_text
    audit = [row.comparison_id for row in planned(directory) if row.stratum == "audit"]
    order = mixed(planned(directory), 0)
    assert [name for name in order if name in audit] == audit
    assert order[: len(audit)] != audit
    assert sorted(order) == sorted(strata)


def test_the_teachers_verdict_where_it_is_not_blind(directory: Path) -> None:
    settle(directory, blind=False)
    plan(directory)
    push(directory, ["ann"])
    own, verdicts = handed(directory), raw(directory)
    seen = 0
    for one in records(directory, "ann"):
        row = own[one["record_id"]]
        if row.comparison_id in verdicts:
            assert one["teacher"] == choice(verdicts[row.comparison_id] or "", row.shown)
            seen += 1
        else:
            assert one["teacher"] in ("A", "B", "tie")  # gold pairs are not to stand out
    assert seen > 100


@pytest.mark.parametrize("shown", [(0, 1), (1, 0)])
@pytest.mark.parametrize("winner", ["first", "second", "tie"])
def test_orders_there_and_back(winner: Winner, shown: tuple[int, int]) -> None:
    assert as_compared(as_shown(winner, shown), shown) == winner
    assert as_shown(winner, shown) == choice(winner, shown)
    assert as_compared(None, shown) is None


def test_what_cannot_be_pushed(directory: Path) -> None:
    with pytest.raises(UserError, match=r"plan\.jsonl: no plan yet\. `prefmill review plan .*` draws one\."):
        push(directory)
    plan(directory)
    with pytest.raises(UserError, match=r"--annotator: letters, digits.* \(got '\.\./ann'\)"):
        push(directory, ["../ann"])
    path = directory / "review" / "plan.jsonl"
    path.write_text(path.read_text().replace('"stratum":"audit"', '"stratum":"odd"', 1))
    with pytest.raises(UserError, match=r"plan\.jsonl:1: Input should be 'audit'"):
        push(directory)
