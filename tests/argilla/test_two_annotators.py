"""Two people with planted error rates review a run in Argilla, over HTTP as themselves; what the figures then say."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from prefmill.pipelines.recipe_reading import read_recipe
from prefmill.pipelines.reviewing.plan import plan
from prefmill.pipelines.reviewing.pull import pull
from prefmill.pipelines.reviewing.push import push
from prefmill.pipelines.reviewing.status import status
from prefmill.pipelines.reviews import collected
from prefmill.pipelines.run import run
from prefmill.pipelines.rundir import RunDirectory

from ..pipelines.reviewing.people import choice, handed, planned, raw, right, settle, truth, write_recipe
from .rest import Rest
from .running import Running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ERRS = {"ann": 0.05, "bob": 0.15}
TASKS, AUDIT, SEED = 200, 400, 1
EACH = 6
"""How many of ann's records are drafts at first, how many of hers are edited, and how many bob discards."""
OTHER = {"first": "second", "second": "first"}


class Said:
    """What the two of them say in the end, drawn for each record, whatever the other says of the pair."""

    def __init__(self, directory: Path) -> None:
        self.rows = handed(directory)
        winners = right(directory)
        self.winner: dict[str, str] = {}
        for name, row in self.rows.items():
            winner, wrong = winners[row.comparison_id], random.Random(f"{SEED} {name}").random() < ERRS[row.annotator]
            self.winner[name] = OTHER[winner] if wrong else winner
        doubled = {row.comparison_id for row in planned(directory) if row.annotators == 2}
        mine = {
            who: sorted(
                name for name, row in self.rows.items() if row.annotator == who and row.comparison_id in doubled
            )
            for who in ERRS
        }
        # Of pairs that both have: no pair of the audit is left without a word.
        self.drafts, self.edited = set(mine["ann"][:EACH]), set(mine["ann"][EACH : 2 * EACH])
        self.discarded = {name for name in mine["bob"] if self._pair(name) not in self._pairs(self.drafts)}
        self.discarded = set(sorted(self.discarded)[:EACH])

    def response(self, name: str, *, late: bool) -> dict[str, Any]:
        """What is sent for a record, the first time or `late`."""
        row = self.rows[name]
        if name in self.discarded:
            return {"status": "discarded", "values": {"choice": {"value": choice(self.winner[name], row.shown)}}}
        winner = OTHER[self.winner[name]] if name in self.edited and not late else self.winner[name]
        state = "draft" if name in self.drafts and not late else "submitted"
        return {"status": state, "values": {"choice": {"value": choice(winner, row.shown)}}}

    def _pair(self, name: str) -> str:
        return self.rows[name].comparison_id

    def _pairs(self, names: set[str]) -> set[str]:
        return {self._pair(name) for name in names}


@pytest.fixture(name="directory", scope="module")
def _directory(running: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """600 pairs judged by a cheap teacher; 400 at random are the audit, half of them for both annotators."""
    folder = tmp_path_factory.mktemp("annotators")
    recipe = write_recipe(folder)
    tasks = [json.dumps({"id": f"q{number}", "instruction": f"What does part {number} do?"}) for number in range(TASKS)]
    (folder / "tasks.jsonl").write_text("\n".join(tasks) + "\n")
    run(read_recipe(recipe), folder / "run")
    desk = {"desk": "argilla", "url": f"http://127.0.0.1:{running.port}", "api_key_env": "TWO_ANNOTATORS_KEY"}
    settle(folder / "run", desk=desk, double=0.5)
    plan(folder / "run", sizes={"audit": AUDIT, "disagreement": 0, "slices": 0})
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TWO_ANNOTATORS_KEY", running.rest().api_key)
        push(folder / "run", sorted(ERRS))
        yield folder / "run"


def pending(rest: Rest) -> dict[str, str]:
    """External id -> id of the records that a user still has to answer, as the page asks for them."""
    where = {"entity": "response", "property": "status"}
    asked = {"filters": {"and": [{"type": "terms", "scope": where, "values": ["pending"]}]}}
    found: dict[str, str] = {}
    for dataset in rest("GET", "/me/datasets")["items"]:
        if dataset["name"] == f"people for {_name(rest)}":
            items = rest("POST", f"/me/datasets/{dataset['id']}/records/search?limit=1000", asked)["items"]
            found |= {item["record"]["external_id"]: item["record"]["id"] for item in items}
    return found


def _name(rest: Rest) -> str:
    return str(rest("GET", "/me")["username"])


def answer(rest: Rest, said: Said, records: Mapping[str, str]) -> dict[str, str]:
    """Answer them one at a time, as from the page of one record; record -> the id of the response."""

    def one(record: tuple[str, str]) -> tuple[str, str]:
        name, server_id = record
        return name, rest("POST", f"/records/{server_id}/responses", said.response(name, late=False))["id"]

    with ThreadPoolExecutor(3) as requests:
        return dict(requests.map(one, records.items()))


def answer_together(rest: Rest, said: Said, records: Mapping[str, str], at_once: int = 25) -> None:
    """Answer many with one click, as from the bulk view."""
    names = list(records)
    for start in range(0, len(names), at_once):
        items = [
            {"record_id": records[name], **said.response(name, late=False)} for name in names[start : start + at_once]
        ]
        told = rest("POST", "/me/responses/bulk", {"items": items})["items"]
        assert [one["error"] for one in told] == [None] * len(items)


def kept(directory: Path) -> dict[str, bytes]:
    """What follows from reviews."""
    names = ("reviews.jsonl", "manifest.json", "review/gold.jsonl", "review/pulled.jsonl")
    files = [directory / name for name in names] + sorted((directory / "export").rglob("*.jsonl"))
    return {str(path): path.read_bytes() for path in files if path.exists()}


def said_of(directory: Path) -> dict[tuple[str, str], str | None]:
    """(comparison, annotator) -> the winner in the run's reviews."""
    people = collected(RunDirectory(directory))
    return {(name, review.annotator): review.winner for name, some in people.items() for review in some}


def expected(annotators: Sequence[Sequence[str]], rightly: float, wrongly: float) -> float:
    """Of the pairs that are decided, the share where people say what somebody says who is right and wrong so often.

    `annotators`: of each pair, who said something of it. Two of them decide a pair if they agree.
    """
    agreed = decided = 0.0
    for names in annotators:
        right_, wrong = 1.0, 1.0
        for name in names:
            right_, wrong = right_ * (1 - ERRS[name]), wrong * ERRS[name]
        agreed += right_ * rightly + wrong * wrongly
        decided += right_ + wrong
    return agreed / decided


def error(share: float, rows: int) -> float:
    """Three standard errors of a share."""
    return float(3 * (share * (1 - share) / rows) ** 0.5)


def test_two_annotators_who_err_by_a_known_share(running: Running, directory: Path) -> None:
    said = Said(directory)
    rests = {name: running.rest(name) for name in ERRS}
    records = {name: pending(rest) for name, rest in rests.items()}
    assert {name for some in records.values() for name in some} == said.rows.keys()
    with ThreadPoolExecutor(2) as both:
        hers = both.submit(answer, rests["ann"], said, records["ann"])
        both.submit(answer_together, rests["bob"], said, records["bob"]).result()
        responses = hers.result()
    assert not any(pending(rest) for rest in rests.values())
    gold = {row.comparison_id for row in planned(directory) if row.stratum == "gold"}
    final = {
        (row.comparison_id, row.annotator): said.winner[name]
        for name, row in said.rows.items()
        if row.comparison_id not in gold and name not in said.discarded
    }
    at_first = dict(final)
    for name in said.drafts | said.edited:
        key = (said.rows[name].comparison_id, "ann")
        at_first[key] = OTHER[final[key]]
        if name in said.drafts:
            del at_first[key]

    # Drafts and discarded records do not arrive; the same again changes nothing.
    first = pull(directory)
    assert said_of(directory) == at_first
    assert first.left_out == {}
    before = kept(directory)
    again = pull(directory)
    assert (again.relabelled.reviews, again.gold, again.relabelled.changes) == (0, 0, {})
    assert kept(directory) == before

    # What is edited, and drafts that are submitted, replace what stood there.
    for name in said.drafts | said.edited:
        rests["ann"]("PUT", f"/responses/{responses[name]}", said.response(name, late=True))
    assert pull(directory).relabelled.reviews == 2 * EACH
    assert said_of(directory) == final
    check_figures(directory, said)


def check_figures(directory: Path, said: Said) -> None:
    """Against what the planted error rates imply."""
    told, winners, teachers = status(directory), truth(directory), raw(directory)
    of_pair: dict[str, list[str]] = {}
    for name, row in said.rows.items():
        if name not in said.discarded:
            of_pair.setdefault(row.comparison_id, []).append(row.annotator)
    audit = [row.comparison_id for row in planned(directory) if row.stratum == "audit"]
    annotators = [of_pair[name] for name in audit]
    assert told["audit"]["read"] == len(audit) == AUDIT

    # Two people agree where both are right or both are wrong.
    people = told["people"]["audit"]
    agreed = (1 - ERRS["ann"]) * (1 - ERRS["bob"]) + ERRS["ann"] * ERRS["bob"]
    rows = people["agreement"]["n"]
    assert rows == sum(len(names) == 2 for names in annotators) == AUDIT / 2 - EACH
    assert abs(people["agreement"]["value"] - agreed) < error(agreed, rows)
    assert people["agreement"]["low"] < agreed < people["agreement"]["high"]
    assert people["kappa"]["low"] < 2 * agreed - 1 < people["kappa"]["high"]

    # Labels that people decided are right as often as their error rates say.
    labels = {
        label.comparison_id: label
        for part in range(RunDirectory(directory).parts())
        for label in RunDirectory(directory).labels(part)
    }
    merged = [labels[name].winner == winners[name] for name in audit if "people" in labels[name].flags]
    accuracy = expected(annotators, 1, 0)
    assert len(merged) == told["teachers"]["n"] == AUDIT - told["audit"]["undecided"]
    assert abs(sum(merged) / len(merged) - accuracy) < error(accuracy, len(merged))

    # Teachers agree with such people as their own accuracy implies; that is less than it.
    rightly = sum(teachers[name] == winner for name, winner in winners.items()) / len(winners)
    wrongly = sum(teachers[name] == OTHER[winner] for name, winner in winners.items()) / len(winners)
    agreement = expected(annotators, rightly, wrongly)
    assert told["teachers"]["low"] < agreement < told["teachers"]["high"]
    assert abs(told["teachers"]["value"] - agreement) < error(agreement, told["teachers"]["n"])
    assert told["teachers"]["high"] - told["teachers"]["low"] < 0.1
    for name, figures in told["annotators"].items():
        assert figures["first"]["low"] < 0.5 < figures["first"]["high"], name
