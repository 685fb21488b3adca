"""Recorded answers from a file: whose they are, which task they answer, and what a bad file says."""

from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path

import pytest

from prefmill.generators.providers import Reply, Request, Site
from prefmill.generators.providers.recorded import AnswerFields, Recorded
from prefmill.schemas.errors import CallFailed, SourceError
from prefmill.schemas.rows import Message, Task
from prefmill.schemas.sampling import Sampling


def task(instruction: str, source_id: str | None = None) -> Task:
    return Task(source_id=source_id, messages=(Message(role="user", content=instruction),))


def write(path: Path, *records: object) -> Path:
    text = "".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in records)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def answers(provider: Recorded, *asked: tuple[Task, int]) -> list[Reply | str]:
    """The reply to each task and sample, or the kind of failure."""

    async def ask() -> list[Reply | str]:
        found: list[Reply | str] = []
        async with provider.open(Site()) as connection:
            await connection.check()
            for one, sample in asked:
                try:
                    found.append(await connection.complete(Request(one.messages, Sampling(), sample, one)))
                except CallFailed as failed:
                    assert not failed.fatal
                    found.append(failed.kind)
        return found

    return asyncio.run(ask())


@pytest.mark.parametrize("name", ["answers.jsonl", "answers.jsonl.gz"])
def test_answers_are_found_by_id_or_by_instruction(tmp_path: Path, name: str) -> None:
    path = write(
        tmp_path / name,
        {"id": "q1", "text": "by id ☀", "finish_reason": "length"},
        "\n",
        {"id": 7, "text": "a number for an id"},
        {"instruction": "What?", "text": "by instruction"},
    )
    asked = [(task("a", "q1"), 0), (task("b", "7"), 0), (task("What?"), 0), (task("Who?", "q9"), 0), (task("q1"), 0)]
    assert answers(Recorded(model="m", path=str(path)), *asked) == [
        Reply("by id ☀", "length", 0, 0),
        Reply("a number for an id", None, 0, 0),
        Reply("by instruction", None, 0, 0),
        "unanswered",
        "unanswered",
    ]


def test_further_answers_to_a_task_are_its_further_samples(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", *({"id": "q", "text": f"sample {number}"} for number in range(2)))
    found = answers(Recorded(model="m", path=str(path)), *((task("a", "q"), sample) for sample in range(3)))
    assert found == [Reply("sample 0", None, 0, 0), Reply("sample 1", None, 0, 0), "unanswered"]


def test_answers_of_other_models_are_left_alone(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.jsonl", {"id": "q", "model": "other", "text": "theirs"}, {"id": "q", "model": "m", "text": "mine"}
    )
    assert answers(Recorded(model="m", path=str(path)), (task("a", "q"), 0)) == [Reply("mine", None, 0, 0)]


def test_keys_may_have_other_names(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", {"generator": "m", "prompt": "a", "output": "x", "why": "stop", "id": "other"})
    fields = AnswerFields(id="qid", instruction="prompt", model="generator", text="output", finish_reason="why")
    found = answers(Recorded(model="m", path=str(path), fields=fields), (task("a", "q"), 0))
    assert found == [Reply("x", "stop", 0, 0)]


def test_an_id_that_is_not_there_is_not_an_id(tmp_path: Path) -> None:
    nameless = {"id": "", "instruction": "c", "text": "y"}
    path = write(tmp_path / "a.jsonl", {"id": None, "instruction": "a", "text": "x"}, nameless)
    asked = [(task("a"), 0), (task("b", "None"), 0), (task("b"), 0)]
    assert answers(Recorded(model="m", path=str(path)), *asked) == [Reply("x", None, 0, 0), "unanswered", "unanswered"]


def test_the_file_lies_beside_the_recipe(tmp_path: Path) -> None:
    assert Recorded(model="m", path="a.jsonl").at(tmp_path).path == str(tmp_path / "a.jsonl")
    assert Recorded(model="m", path="/data/a.jsonl").at(tmp_path).path == "/data/a.jsonl"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["{\n"], r"a\.jsonl:1: not JSON"),
        ([{"id": "q", "text": "x"}, "[1]\n"], r"a\.jsonl:2: not a JSON object"),
        ([{"id": "q", "output": "x"}], r"a\.jsonl:1: no answer under 'text'. Known: id, output\."),
        ([{"id": "q", "text": None}], r"a\.jsonl:1: no answer under 'text'"),
        ([{"text": "x"}], r"a\.jsonl:1: neither 'id' nor 'instruction'"),
        ([{"id": "q", "model": "n", "text": "x"}], r"no answers of 'm'. Known: n\. Did you mean|no answers of 'm'"),
        ([], r"no answers of 'm'"),
    ],
)
def test_a_bad_file_is_one_line(tmp_path: Path, lines: list[object], message: str) -> None:
    path = write(tmp_path / "a.jsonl", *lines)
    with pytest.raises(SourceError, match=message) as caught:
        answers(Recorded(model="m", path=str(path)))
    assert "\n" not in str(caught.value)


def test_a_missing_file_a_folder_and_damaged_gzip_are_one_line(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.jsonl.gz", *({"id": str(number), "text": "x" * 50} for number in range(99)))
    damaged = tmp_path / "damaged.jsonl.gz"
    damaged.write_bytes(whole.read_bytes()[:-20])
    plain = tmp_path / "plain.jsonl.gz"
    plain.write_text("{}")
    for path, message in [
        (tmp_path / "none.jsonl", "no such file"),
        (tmp_path, "a folder, not a file"),
        (damaged, "damaged gzip file"),
        (plain, "no answer under"),  # the first bytes tell what is gzip, not the name
    ]:
        with pytest.raises(SourceError, match=message) as caught:
            answers(Recorded(model="m", path=str(path)))
        assert "\n" not in str(caught.value)
