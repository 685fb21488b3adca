"""The rows in the page: every one is there, with the texts that the run holds, and the size is kept."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from prefmill.pipelines.examples import examples
from prefmill.pipelines.report.packing import as_json, cut, packed
from prefmill.pipelines.report.rows import WITHOUT, browser
from prefmill.pipelines.rundir import RunDirectory
from prefmill.schemas.rows import Loss, Verdict

from .handmade import handmade
from .unpacked import entries, faulty_run, values


@pytest.fixture(name="place", scope="module")
def _place(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return RunDirectory(faulty_run(tmp_path_factory.mktemp("faulty")))


def test_counts_are_those_of_the_waterfall(place: RunDirectory) -> None:
    stages = place.manifest()["stages"]
    fates = Counter(entry.fate for entry in entries(browser(place)))
    assert fates["verdicts", "kept", "", ""] == stages["verdicts"]["kept"] > 0
    lost: Counter[tuple[str, str, str]] = Counter()
    for (stage, status, _, reason), rows in fates.items():
        if status != "kept":
            lost[stage, status, reason] += rows
    assert lost == {
        (stage, status, reason): rows
        for stage, found in stages.items()
        for status in ("dropped", "failed")
        for reason, rows in found[status].items()
        if not stage.startswith("export")
    }
    assert {stage for stage, _, _ in lost} >= {"tasks", "answers", "comparisons", "verdicts"}


def test_texts_are_those_of_the_run(place: RunDirectory) -> None:
    kept = {entry.id: entry for entry in entries(browser(place)) if entry.fate[:2] == ("verdicts", "kept")}
    some = list(examples(place))
    assert kept.keys() == {example.verdict.id for example in some if example.verdict}
    for example in some:
        assert example.verdict is not None
        entry = kept[example.verdict.id]
        assert entry.title == example.task.instruction
        assert entry.task["messages"] == [[one.role, one.content] for one in example.task.messages]
        answers = [entry.task["answers"][number] for number in entry.row["answers"]]
        assert [answer["text"] for answer in answers] == [answer.text for answer in example.answers]
        assert entry.models == tuple(answer.model for answer in example.answers)
        readable = [one for one in entry.row["judgments"] if "failure" not in one]
        assert [(one["teacher"], one["raw"], one["scores"]) for one in readable] == [
            (one.teacher, one.raw, list(one.scores or ())) for one in example.judgments
        ]
        assert entry.row["taught"]["winner"] == example.verdict.winner
        assert ("first", "second", "tie")[entry.winner - 1] == example.verdict.winner


def test_calls_are_those_of_the_ledger(place: RunDirectory) -> None:
    calls = Counter(call[0] for task in values(browser(place)) for call in task.get("calls", ()))
    told = place.manifest()["calls"]
    assert calls == {
        stage: sum(one["calls"] for one in told if one["stage"] == stage) for stage in ("answers", "judgments")
    }


def test_the_same_run_gives_the_same_bytes(place: RunDirectory) -> None:
    assert browser(place) == browser(place)


def test_a_label_that_differs_is_found_by_its_flag_and_its_id(tmp_path: Path) -> None:
    place = RunDirectory(handmade(tmp_path))
    verdicts = place.rows(Verdict, 0)
    labels = [one.model_copy(update={"winner": "second", "debiased": -0.5}) for one in verdicts[:1]] + verdicts[1:]
    place.write_labels(0, labels)
    place.write_labels(1, place.rows(Verdict, 1))
    found = entries(browser(place))
    assert [entry.id for entry in found if "label differs from the teachers'" in entry.flags] == [labels[0].id]
    assert labels[0].id != verdicts[0].id
    assert (found[0].row["taught"]["winner"], found[0].row["label"]["winner"]) == ("first", "second")
    assert "flagged: minimum_margin" in found[0].flags


def test_losses_without_a_task_and_odd_ids_are_there(tmp_path: Path) -> None:
    place = RunDirectory(handmade(tmp_path))
    bad = Loss(stage="tasks", status="failed", row_id="tasks.jsonl:3", reason="malformed", detail="line 3: </script>")
    place.write(Loss, 1, [bad])
    place.write_late_losses([Loss(stage="tasks", status="dropped", row_id="ab" * 8, by="x", reason="x")])
    last = entries(browser(place))[-2:]
    assert [(one.id, one.fate) for one in last] == [
        ("tasks.jsonl:3", ("tasks", "failed", "", "malformed")),
        ("ab" * 8, ("tasks", "dropped", "x", "x")),
    ]
    assert last[0].row["detail"] == bad.detail


def test_what_is_too_large_is_spared_and_said(place: RunDirectory) -> None:
    whole = browser(place)
    size = sum(len(str(chunk)) for name, chunk in whole.data.items() if name != "browse-index")
    small = browser(place, size // 2)
    assert len(entries(small)) == len(entries(whole)), "every row is listed"
    assert sum(len(str(chunk)) for name, chunk in small.data.items() if name != "browse-index") <= size * 2 // 3
    without = {entry.task["id"] for entry in entries(small) if WITHOUT in entry.flags}
    index = small.data["browse-index"]
    assert isinstance(index, dict)
    assert 0 < index["texts"]["carrying"] == index["tasks"] - len(without) < index["tasks"]
    for task in values(small):
        for answer in task.get("answers", ()):
            if task["id"] in without:
                assert answer["text"][:2] == ["", ""], "its length remains"
            else:
                assert isinstance(answer["text"], str)


def test_a_run_of_nothing_has_an_empty_list(tmp_path: Path) -> None:
    assert entries(browser(RunDirectory(tmp_path))) == []


def test_cut_keeps_both_ends() -> None:
    assert cut("abcdefghij", 10) == "abcdefghij"
    assert cut("abcdefghij", 8) == ("abcdef", "ij", 10)
    assert cut("abc", 0) == ("", "", 3)


def test_every_text_comes_through_json() -> None:
    for text in ("half \ud83d", "\ud83d\ude00 \x00\x1b\u2028", "whole 😀", "\\ud83d"):
        assert json.loads(as_json([text])) == [text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")]
    assert packed(b"the same") == packed(b"the same")
