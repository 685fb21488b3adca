"""JudgeLM-100K's files: what JudgeLM's published trainer and evaluation read.

Source: the data set `BAAI/JudgeLM-100K` (file names without `_100k` and `_5k`), the trainer `judgelm/train/train.py`
and the evaluation `judgelm/llm_judge/` of github.com/baaivision/JudgeLM at 00c4516. A row holds two answers in the
order in which they were judged, the judgment without and the one with the reference answer. The four validation files
belong together line by line. Every example goes either to the training file or to the validation files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from ..contents import Content
from ..errors import CannotCarry
from ..judgelm_prompt import MARKS, referenced, training_prompt
from ..rows import Example, Judgment, Loss
from . import Format, Record
from ._judgelm_choice import Choice, choices
from ._judgelm_reading import read_train, read_validation
from ._judgelm_row import identified, row_of, short_id, text_and_score
from ._judgelm_text import swapped_rationale
from ._split import held_out

if TYPE_CHECKING:
    import pyarrow as pa

TRAIN = "judgelm_train.jsonl"
MATERIALISED = "judgelm_train_materialised.jsonl"
QUESTIONS = "judgelm_val.jsonl"
JUDGMENTS = "judgelm_val_gpt4.jsonl"
JUDGMENTS_WITH_REFERENCE = "judgelm_val_gpt4_with_reference.jsonl"
REFERENCES = "judgelm_val_references.jsonl"

_QUESTION_KEYS = (
    "question_id", "question_body", "answer1_body", "answer2_body", "answer1_model_id", "answer2_model_id",
    "answer1_metadata", "answer2_metadata",
)  # fmt: skip
_JUDGMENT_KEYS = ("review_id", "question_id", "answer1_id", "answer2_id", "reviewer_id", "metadata", "text", "score")
_BYTES_PER_TOKEN = 4
_BREAKS_SAMPLE = (*MARKS, "</s>")  # the last is the end token of the tokenizers JudgeLM is trained with


class JudgeLMFormat(Format):
    """Two answers, scores from 1 to 10 and the explanation, for JudgeLM's own trainer and evaluation."""

    files: ClassVar[tuple[str, ...]] = (
        TRAIN, MATERIALISED, QUESTIONS, JUDGMENTS, JUDGMENTS_WITH_REFERENCE, REFERENCES,
    )  # fmt: skip
    loses: ClassVar[tuple[str, ...]] = (
        "ids and names of teachers, judges and protocols",
        "judgments that disagree with the verdict, and repeated ones",
        "the second order, save for the materialised file",
        "whether a lone judgment was made with or without the reference",
        "margin and consistency over several judgments",
        "the division of a chat into turns (it becomes one question text)",
        "category, licence, rubric and origin of the reference",
        "the reference's model where the task has an id (the published set keeps that in its place)",
        "sampling parameters, finish reasons, tokens and costs",
        "that a row is simulated",
    )

    carries: ClassVar[frozenset[Content]] = frozenset(
        {"source_id", "reference", "reference_model", "models", "winner", "order", "scores", "rationale", "margin"}
    )

    val_share: float = Field(0.05, ge=0, le=1)
    """Expected share of tasks, 0 to 1, that go to the validation files; chosen by a hash of the question's text. The
    published set holds out 5 of 105 thousand."""
    materialised: bool = False
    """Also write `judgelm_train_materialised.jsonl`: every training row in both orders, without and with the reference
    as far as it was judged so. Stays correct for any number of epochs (see the notes)."""
    max_tokens: int = Field(2048, ge=1)
    """Refuse a row (`too_long`) whose complete training sample is longer. An estimate: its UTF-8 bytes divided by 4, so
    keep a reserve for text that is not English. JudgeLM trains with 2048 and cuts off the end, which is the label."""

    def encode(self, example: Example) -> Iterator[tuple[str, Record]]:
        """One training row (and its materialised ones), or one line for each of the four validation files.

        Where the judgment of the preferred order cannot be exported, the other order's stands in. Raises `CannotCarry`:
        what `choices` and `judgment_text` refuse, `prompt_marker_in_text` where a text contains one of the prompt's own
        markers or the end token, and `too_long`.
        """
        found = choices(example)
        choice, row = self._first_row(example, found, example.index, (False, True))
        if held_out(example, self.val_share):
            yield QUESTIONS, {key: row[key] for key in _QUESTION_KEYS}
            yield JUDGMENTS, {key: row[key] for key in _JUDGMENT_KEYS}
            second = {**row, "text": row["text_w_reference"], "score": row["score_w_reference"]}
            second["review_id"] = short_id("with reference", row)
            yield JUDGMENTS_WITH_REFERENCE, {key: second[key] for key in _JUDGMENT_KEYS}
            yield REFERENCES, {key: row[key] for key in ("question_id", "reference")}
            return
        copies = list(self._materialised(example, choice, found)) if self.materialised else []
        yield TRAIN, row
        for copy in copies:
            yield MATERIALISED, copy

    def decode(self, files: Mapping[str, Iterable[Record]]) -> Iterator[Example | Loss]:
        """Examples of the training file, then of the validation files; the materialised file repeats the former.

        The comparison's own order is the order of the row. A row of the published set whose judgment failed (`text` is
        "error", `score` is [-1, -1]) comes as a loss. Raises `ValueError` for validation files that do not align.
        """
        yield from read_train(files, TRAIN)
        yield from read_validation(files, QUESTIONS, JUDGMENTS, JUDGMENTS_WITH_REFERENCE, REFERENCES)

    def features(self) -> Mapping[str, pa.Schema]:
        from ._judgelm_features import JUDGMENT, QUESTION, REFERENCE, ROW

        judgments = dict.fromkeys((JUDGMENTS, JUDGMENTS_WITH_REFERENCE), JUDGMENT)
        return {TRAIN: ROW, MATERIALISED: ROW, QUESTIONS: QUESTION, **judgments, REFERENCES: REFERENCE}

    def notes(self) -> tuple[str, ...]:
        """What a person who trains on these files must know; printed with the export and written on its card."""
        return (
            "JudgeLM's --ref_drop_ratio is the probability of showing the reference. A row that was judged only "
            "without it or only with it holds that judgment in both columns: train rows judged without the reference "
            "with --ref_drop_ratio -1, rows judged with it with --ref_drop_ratio 1.",
            "JudgeLM's published trainer edits its rows in place, so from the second epoch on swapped rows with a "
            "reference have labels that do not fit. Train one epoch, or use judgelm_train_materialised.jsonl "
            "(option `materialised`) with --swap_aug_ratio -1 --ref_drop_ratio -1.",
            "In judgelm_train_materialised.jsonl the reference is part of question_body, in the place where JudgeLM's "
            "prompt puts it. Where one order was not judged, or not usably, the other's judgment stands with its "
            "scores and names exchanged.",
            "Line k of the four validation files is one example. Without a reference its line has an empty reference "
            "text, and its judgment is repeated in judgelm_val_gpt4_with_reference.jsonl. `gpt4` in the names is "
            "JudgeLM's; the teacher is the one this export names.",
            "JudgeLM at 00c4516 needs a default for the argument of `Conversation.copy` (`answer_num=None`) to train "
            "or judge pairs at all.",
            f"Rows are refused above {self.max_tokens} tokens, estimated as bytes / {_BYTES_PER_TOKEN}.",
        )

    def _first_row(
        self, example: Example, found: tuple[Choice, ...], question_id: int, kinds: tuple[bool, ...]
    ) -> tuple[Choice, Record]:
        """The row of the first choice that can be exported; raises the first one's refusal where none can."""
        refusals = []
        for choice in found:
            try:
                row = row_of(example, choice, question_id)
                self._check(row, kinds)
            except CannotCarry as refusal:
                refusals.append(refusal)
            else:
                return choice, row
        raise refusals[0]

    def _materialised(self, example: Example, exported: Choice, found: tuple[Choice, ...]) -> Iterator[Record]:
        """The row once for each order and each kind of judgment, with ids of their own that ascend over the file."""
        number = 4 * example.index
        for shown in (exported.shown, exported.shown[::-1]):
            for with_reference in (False, True):
                judgment = exported.of(with_reference)
                if judgment is None:
                    continue
                other = _exchanged(judgment, shown) if shown != exported.shown else judgment
                own = next((choice.of(with_reference) for choice in found if choice.shown == shown), None)
                _, row = self._first_row(example, _alone(shown, own, other), number, (with_reference,))
                if with_reference:
                    row["question_body"] = referenced(row["question_body"], row["reference"]["text"])
                yield identified(row, "materialised")
                number += 1

    def _check(self, row: Record, kinds: tuple[bool, ...]) -> None:
        """Refuse a row whose training sample, without (False) or with (True) the reference, would not hold together."""
        question, answers = row["question_body"], (row["answer1_body"], row["answer2_body"])
        reference, texts = row["reference"]["text"], (row["text"], row["text_w_reference"])
        if any(mark in text for text in (question, *answers, reference, *texts) for mark in _BREAKS_SAMPLE):
            raise CannotCarry("prompt_marker_in_text")
        for with_reference in kinds:
            prompt = training_prompt(question, answers, reference if with_reference else None)
            if len((prompt + texts[with_reference]).encode()) > self.max_tokens * _BYTES_PER_TOKEN:
                raise CannotCarry("too_long")


def _exchanged(judgment: Judgment, shown: tuple[int, ...]) -> Judgment:
    """The judgment as it would read in the other order."""
    text, scores = text_and_score(judgment)
    rationale = swapped_rationale(text.partition("\n")[2])
    return judgment.model_copy(update={"shown": shown, "scores": tuple(scores[::-1]), "rationale": rationale})


def _alone(shown: tuple[int, ...], *judgments: Judgment | None) -> tuple[Choice, ...]:
    """Each judgment as the only one of its row, the preferred one first."""
    return tuple(Choice(shown, judgment, None) for judgment in judgments if judgment is not None)
