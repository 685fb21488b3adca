"""JudgeLM's files for judging several answers at once: answer files, judge samples, judgments and references.

Source: `judgelm/data/JudgeLM/judgelm_preprocess.py` (which makes the samples out of the answer files) and
`judgelm/llm_judge/gen_model_judgement_multi.py` (which reads them) of github.com/baaivision/JudgeLM at 00c4516. All
files belong together line by line. JudgeLM itself has no reader of more than two scores; the judgments are written like
those of pairs, with one score for each answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from ..contents import Content
from ..errors import CannotCarry
from ..judgelm_prompt import FEWEST, MARKS, MOST, training_prompt
from ..rows import Example, Loss
from . import Format, Record
from ._judgelm_answers_choice import choice_of
from ._judgelm_answers_reading import Names, read
from ._judgelm_answers_rows import answer_rows, judgment_row, reference_row, sample_row

if TYPE_CHECKING:
    import pyarrow as pa

SAMPLES = "judgelm_samples.jsonl"
JUDGMENTS = "judgelm_samples_judgments.jsonl"
JUDGMENTS_WITH_REFERENCE = "judgelm_samples_judgments_with_reference.jsonl"
REFERENCES = "judgelm_samples_references.jsonl"
ANSWERS = tuple(f"judgelm_answers_{number}.jsonl" for number in range(1, MOST + 1))
_BYTES_PER_TOKEN = 4
_BREAKS_SAMPLE = (*MARKS, "</s>")  # the last is the end token of the tokenizers JudgeLM is trained with


class JudgeLMAnswers(Format):
    """Two to nineteen answers to one question, each scored from 1 to 10, and the explanation."""

    files: ClassVar[tuple[str, ...]] = (SAMPLES, JUDGMENTS, JUDGMENTS_WITH_REFERENCE, REFERENCES, *ANSWERS)
    carries: ClassVar[frozenset[Content]] = frozenset({"reference", "models", "winner", "order", "scores", "rationale"})
    loses: ClassVar[tuple[str, ...]] = (
        "ids and names of teachers, judges and protocols",
        "judgments whose best answers are not the verdict's, and repeated ones",
        "judgments in another order than the one that is written",
        "whether a lone judgment was made with or without the reference",
        "the verdict's own scores, margin and consistency over several judgments",
        "the division of a chat into turns (it becomes one question text)",
        "category, licence, rubric and origin of the reference",
        "the task's id and the reference's model, as far as one column cannot hold both",
        "sampling parameters, finish reasons, tokens and costs",
        "that a row is simulated",
    )

    answers: int = Field(3, ge=FEWEST, le=MOST)
    """How many answers a comparison must have, 2 to 19: JudgeLM's `--answer-num` holds for a whole file. Comparisons of
    another number are refused (`other_number_of_answers`)."""
    max_tokens: int = Field(2048, ge=1)
    """Refuse a row (`too_long`) whose prompt and judgment are longer together. An estimate: UTF-8 bytes divided by 4,
    so keep a reserve for text that is not English. JudgeLM's context has 2048 tokens."""

    def encode(self, example: Example) -> Iterator[tuple[str, Record]]:
        """One line for each of the files: as many answer files as there are answers, in the order judged.

        Raises `CannotCarry`: `no_comparison`, `other_number_of_answers`, `failed_answer`, `no_verdict`,
        `failed_verdict`, `scores_outside_1_to_10`, `no_judgment_supports_verdict` where the best answers of no judgment
        are the verdict's, `prompt_marker_in_text` where a text contains one of the prompt's own markers or the end
        token, and `too_long`.
        """
        choice = choice_of(example, self.answers)
        sample = sample_row(example, choice)
        judgments = [judgment_row(choice, sample, with_reference) for with_reference in (False, True)]
        reference = reference_row(example)
        self._check(sample, judgments, reference)
        yield SAMPLES, sample
        yield JUDGMENTS, judgments[0]
        yield JUDGMENTS_WITH_REFERENCE, judgments[1]
        yield REFERENCES, reference
        yield from zip(ANSWERS, answer_rows(sample), strict=False)

    def decode(self, files: Mapping[str, Iterable[Record]]) -> Iterator[Example | Loss]:
        """Examples of the samples; where there are none, of the answer files, joined as `judgelm_preprocess.py` does.

        The comparison's own order is the order of the row; it may have any number of answers from two. The verdict is
        the first judgment's; without the judgment files, as in the published set, there is none. A judgment that failed
        (`text` is "error") makes its row a loss. Raises `ValueError` for files that do not align.
        """
        return read(files, Names(SAMPLES, JUDGMENTS, JUDGMENTS_WITH_REFERENCE, REFERENCES, ANSWERS))

    def features(self) -> Mapping[str, pa.Schema]:
        from ._judgelm_answers_features import ANSWER, JUDGMENT, sample
        from ._judgelm_features import REFERENCE

        judgments = dict.fromkeys((JUDGMENTS, JUDGMENTS_WITH_REFERENCE), JUDGMENT)
        answers = dict.fromkeys(ANSWERS, ANSWER)
        return {SAMPLES: sample(self.answers), **judgments, REFERENCES: REFERENCE, **answers}

    def notes(self) -> tuple[str, ...]:
        """What a person who trains on these files must know; printed with the export and written on its card."""
        return (
            f"Judge with gen_model_judgement_multi.py --answer-num {self.answers} --question-file {SAMPLES}; a smaller "
            "number leaves answers out without a word.",
            "Line k of all files is one example. An answer file holds the answers in one place of the order judged; "
            "its rows say which model wrote them.",
            "`scores` (log-probabilities and the like) are null: JudgeLM's scripts want the key, whatever its value.",
            "Without a reference its line has an empty reference text, and its judgment is repeated in "
            f"{JUDGMENTS_WITH_REFERENCE}.",
            "--if-reverse-answers exchanges the first two answers only.",
            f"Rows are refused above {self.max_tokens} tokens, estimated as bytes / {_BYTES_PER_TOKEN}.",
        )

    def _check(self, sample: Record, judgments: list[Record], reference: Record) -> None:
        """Refuse a row whose prompt would not hold together."""
        question, given = sample["question_body"], reference["reference"]["text"]
        answers = [sample[f"answer{number}_body"] for number in range(1, self.answers + 1)]
        texts = [judgment["text"] for judgment in judgments]
        if any(mark in text for text in (question, given, *answers, *texts) for mark in _BREAKS_SAMPLE):
            raise CannotCarry("prompt_marker_in_text")
        for text, shown in zip(texts, (None, given), strict=True):
            prompt = training_prompt(question, answers, shown)
            if len((prompt + text).encode()) > self.max_tokens * _BYTES_PER_TOKEN:
                raise CannotCarry("too_long")
