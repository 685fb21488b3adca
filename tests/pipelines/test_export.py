"""Exports: order and ids follow the source, losses are counted, and files are replaced whole."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import orjson
import pytest

from prefmill.pipelines.collect import Collector
from prefmill.pipelines.examples import examples
from prefmill.pipelines.export import export
from prefmill.pipelines.rundir import RunDirectory
from prefmill.schemas.contents import Content
from prefmill.schemas.errors import CannotCarry, RunDirectoryError
from prefmill.schemas.formats import Format, Record
from prefmill.schemas.formats.judgelm import JudgeLMFormat
from prefmill.schemas.formats.preference import Preference
from prefmill.schemas.rows import Comparison, Example, Loss, Verdict

if TYPE_CHECKING:
    import pyarrow as pa

Made = Callable[[int], tuple[Any, ...]]
LINES = 40
MANIFEST = {"name": "run", "prefmill": "0", "seed": 1, "calls": []}


def finished(path: Path, made: Made, order: Iterable[int] = range(LINES), tasks_a_part: int = 7) -> RunDirectory:
    """The directory of a run that went through."""
    directory = RunDirectory(path)
    collector = Collector(directory, tasks_a_part)

    async def work() -> None:
        for place in order:
            await collector(*made(place))
        await collector.finish(LINES)

    asyncio.run(work())
    directory.write_manifest(MANIFEST)
    return directory


def files(directory: RunDirectory) -> dict[str, bytes]:
    folder = directory.path / "export"
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def met(example: Example) -> tuple[Comparison, Verdict]:
    """The comparison and its verdict."""
    assert example.comparison is not None and example.verdict is not None
    return example.comparison, example.verdict


class Plain(Format):
    """Ids, to a file for each way a verdict can go."""

    files: ClassVar[tuple[str, ...]] = ("first.jsonl", "second.jsonl")
    carries: ClassVar[frozenset[Content]] = frozenset({"winner"})
    loses: ClassVar[tuple[str, ...]] = ("nearly everything",)

    refuses: str = ""
    """Model whose wins it cannot carry."""
    only: str | None = None
    """The one winner it writes."""

    def encode(self, example: Example) -> Iterator[tuple[str, Record]]:
        comparison, verdict = met(example)
        winner = verdict.winner
        if self.only not in (None, winner):
            raise CannotCarry("not_asked_for")
        yield f"{winner}.jsonl", {"index": example.index, "id": example.id}
        if comparison.models[winner == "second"] == self.refuses:
            # After a record was given: none of this example may be written.
            raise CannotCarry(f"won_by_{self.refuses}")

    def decode(self, files: Mapping[str, Iterable[Record]]) -> Iterator[Example | Loss]:
        raise NotImplementedError

    def features(self) -> Mapping[str, pa.Schema]:
        raise NotImplementedError


def records(directory: RunDirectory, name: str) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in (directory.path / "export" / "test_export" / name).read_bytes().splitlines()]


def test_kept_verdicts_come_with_all_they_rest_on(tmp_path: Path, made: Made) -> None:
    found = list(examples(finished(tmp_path, made)))
    kept = [verdict for place in range(LINES) for verdict in made(place)[4].kept]
    assert [met(example)[1].id for example in found] == kept
    assert len(kept) > 20
    assert [example.index for example in found] == list(range(len(kept)))
    for example in found:
        comparison, verdict = met(example)
        assert verdict.comparison_id == comparison.id
        assert [answer.id for answer in example.answers] == list(comparison.answer_ids)
        assert comparison.task_id == example.task.id
        assert [judgment.id for judgment in example.judgments] == list(verdict.judgment_ids)


@pytest.mark.parametrize("tasks_a_part", [1, 3, 2000])
def test_neither_order_of_completion_nor_parts_change_a_byte(tmp_path: Path, made: Made, tasks_a_part: int) -> None:
    formats = (JudgeLMFormat(), Preference(test_share=0.3), Plain())
    one = finished(tmp_path / "one", made)
    other = finished(tmp_path / "other", made, random.Random(3).sample(range(LINES), LINES), tasks_a_part)
    assert other.parts() == -(-LINES // tasks_a_part) != one.parts()
    assert export(one, formats) == export(other, formats)
    assert files(one) == files(other)
    assert len(files(one)) > 6


def test_what_a_format_cannot_carry_is_counted_and_not_written(tmp_path: Path, made: Made) -> None:
    directory = finished(tmp_path, made)
    fall = export(directory, (Plain(refuses="b"), Preference()))
    found = [met(example) for example in examples(directory)]
    wins = [comparison.models[verdict.winner == "second"] for comparison, verdict in found]
    count = fall["export test_export"]
    assert (count.entered, count.kept) == (len(wins), len(wins) - wins.count("b"))
    assert count.dropped == {"won_by_b": wins.count("b")}
    assert wins.count("b") > 5
    assert fall["export preference"].kept == len(wins)
    fall.check()
    written = records(directory, "first.jsonl") + records(directory, "second.jsonl")
    assert sorted(record["index"] for record in written) == [i for i, winner in enumerate(wins) if winner != "b"]
    card = (directory.path / "export/test_export/README.md").read_text()
    assert f"- won_by_b: {wins.count('b'):,}" in card
    assert "nearly everything" in card
    assert "Simulated" not in card


def test_files_of_an_earlier_export_do_not_stay(tmp_path: Path, made: Made) -> None:
    directory = finished(tmp_path, made)
    export(directory, (Plain(),))
    assert set(files(directory)) == {f"test_export/{name}" for name in ("README.md", "first.jsonl", "second.jsonl")}
    (directory.path / "export/test_export/second.jsonl.partial").write_text("cut short")
    export(directory, (Plain(only="first"),))
    assert set(files(directory)) == {f"test_export/{name}" for name in ("README.md", "first.jsonl")}
    count = export(directory, (Plain(only="neither"),))["export test_export"]
    assert (count.kept, set(files(directory))) == (0, {"test_export/README.md"})


class Interrupted(Plain):
    """Fails half-way, and looks at what lies there while it writes."""

    seen: ClassVar[list[dict[str, bytes]]] = []
    lies: ClassVar[RunDirectory]

    def encode(self, example: Example) -> Iterator[tuple[str, Record]]:
        if example.index == 15:
            self.seen.append({name: text for name, text in files(self.lies).items() if not name.endswith(".partial")})
            raise ZeroDivisionError
        yield from super().encode(example)


def test_a_file_is_the_old_one_until_the_new_one_is_whole(tmp_path: Path, made: Made) -> None:
    directory = finished(tmp_path, made)
    export(directory, (Plain(refuses="b"),))
    before = files(directory)
    Interrupted.lies = directory
    with pytest.raises(ZeroDivisionError):
        export(directory, (Interrupted(),))
    after = {name: text for name, text in files(directory).items() if not name.endswith(".partial")}
    assert [before] == Interrupted.seen
    assert after == before
    export(directory, (Plain(),))
    assert not [name for name in files(directory) if name.endswith(".partial")]
    assert files(directory) != before


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path, made: Made) -> None:
    directory = finished(tmp_path, made)
    (tmp_path / "export").write_text("in the way")
    with pytest.raises(RunDirectoryError, match=r"export.*Make space") as caught:
        export(directory, (Plain(),))
    assert "\n" not in str(caught.value)
