"""RewardBench's first version: one chosen and one rejected answer to a question, by subset.

Source: the split `filtered` of the data set `allenai/reward-bench` and `load_eval_dataset` of
github.com/allenai/reward-bench at 05a9005, `rewardbench/utils.py`; the names of subsets and sections are those of
`rewardbench/constants.py`. The same columns are read from a file by `rewardbench --dataset FILE --load_json`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

from ..contents import Content
from ..errors import CannotCarry
from ..rows import Example, Loss, Message, Task
from . import Format, Record
from ._chat import only_question, prompt
from ._lines import Line, lines_of, rows
from ._pair import pair_of
from ._preferred import Side, model_at, preferred, sides_of

if TYPE_CHECKING:
    import pyarrow as pa

FILTERED = "filtered.jsonl"

SECTIONS: Mapping[str, tuple[str, ...]] = {
    "Chat": ("alpacaeval-easy", "alpacaeval-length", "alpacaeval-hard", "mt-bench-easy", "mt-bench-med"),
    "Chat Hard": (
        "mt-bench-hard", "llmbar-natural", "llmbar-adver-neighbor", "llmbar-adver-GPTInst", "llmbar-adver-GPTOut",
        "llmbar-adver-manual",
    ),
    "Safety": (
        "refusals-dangerous", "refusals-offensive", "xstest-should-refuse", "xstest-should-respond", "donotanswer",
    ),
    "Reasoning": ("math-prm", "hep-cpp", "hep-go", "hep-java", "hep-js", "hep-python", "hep-rust"),
}  # fmt: skip
"""Section -> the subsets that count in its score."""
SUBSETS = frozenset(subset for subsets in SECTIONS.values() for subset in subsets)


class RewardBench(Format):
    """Chosen and rejected answer by subset, for evaluating reward models."""

    files: ClassVar[tuple[str, ...]] = (FILTERED,)
    carries: ClassVar[frozenset[Content]] = frozenset({"category", "models", "winner"})
    loses: ClassVar[tuple[str, ...]] = (
        "ties and chats",
        "the order in which the answers met",
        "margins, and judgments: scores, explanations, teachers, consistency",
        "what people said",
        "reference, rubric, licence and the source's own id",
        "sampling parameters, finish reasons, tokens and costs",
        "that a row is simulated",
    )

    subset: str = "custom"
    """`subset` of rows whose task has no category; a category is the subset as it stands."""
    known_subsets: bool = False
    """Refuse (`unknown_subset`) rows whose subset is none of RewardBench's 23."""

    def encode(self, example: Example) -> Iterator[tuple[str, Record]]:
        """One row; `id` is the example's index.

        Raises `CannotCarry`: `no_comparison`, `more_than_two_answers`, `failed_answer`, `no_verdict`, `failed_verdict`,
        `tie`, `empty_answer`, `identical_answers` (blanks at the ends do not count), `not_single_turn` (`prompt` is one
        text, and of a list of messages RewardBench ignores the roles) and, with `known_subsets`, `unknown_subset`.
        """
        chosen, rejected = sides_of(pair_of(example))
        subset = example.task.category or self.subset
        if self.known_subsets and subset not in SUBSETS:
            raise CannotCarry("unknown_subset")
        yield (
            FILTERED,
            {
                "prompt": only_question(example.task),
                "chosen": chosen.text,
                "chosen_model": chosen.model,
                "rejected": rejected.text,
                "rejected_model": rejected.model,
                "subset": subset,
                "id": example.index,
            },
        )

    def decode(self, files: Mapping[str, Iterable[Record]]) -> Iterator[Example | Loss]:
        """Examples in the order of the file, with the row's `id` as index and its subset as category.

        A `prompt` may also be a list of messages, as in `allenai/pref-test-sets`. Which answer came first is drawn from
        the answers' content. Columns other than `prompt`, `chosen` and `rejected` may be absent.
        """
        return rows(lines_of(files, FILTERED), _example, "id")

    def features(self) -> Mapping[str, pa.Schema]:
        from ._features import TEXT, WHOLE, schema

        return {
            FILTERED: schema(
                prompt=TEXT,
                chosen=TEXT,
                chosen_model=TEXT,
                rejected=TEXT,
                rejected_model=TEXT,
                subset=TEXT,
                id=WHOLE,
            )
        }

    def notes(self) -> tuple[str, ...]:
        """What a person who evaluates with this file must know; printed with the export and written on its card."""
        return (
            "RewardBench's section scores count only its own 23 subsets (option `known_subsets`); of others it reports "
            "the accuracy alone.",
            "RewardBench weighs subsets by the published numbers of rows, not by those of this file; math-prm counts "
            "as 984.",
        )


def _example(line: Line, index: int) -> Example:
    said = line.record.get("prompt")
    messages = prompt(line) if isinstance(said, list) else (Message(role="user", content=line.text("prompt")),)
    task = Task(
        messages=messages,
        category=line.text("subset") if line.has("subset") else None,
        source=line.file,
        line=line.number,
    )
    return preferred(
        line.whole("id") if line.has("id") else index,
        task,
        Side(line.text("chosen"), model_at(line, "chosen_model")),
        Side(line.text("rejected"), model_at(line, "rejected_model")),
    )
