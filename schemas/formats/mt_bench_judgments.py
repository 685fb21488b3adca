"""FastChat's files of MT-Bench judgments (`model_judgment/`): pairs judged in both orders, and single answers.

Source: `fastchat/llm_judge/common.py` (`play_a_match_pair`, `play_a_match_single` and the functions that load their
lines) and `show_result.py` of github.com/lm-sys/FastChat at 0e6d3e4. A pair's line holds two games: in the second the
answers are exchanged. Questions and answers stand only in the judge's filled-in prompt, from which they are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING, ClassVar, Literal

from ..contents import Content
from ..rows import Example, Loss
from . import Format, Record
from ._lines import lines_of, rows
from ._mt_bench_games import pair_line, single_line
from ._mt_bench_lines import read_pair, read_single

if TYPE_CHECKING:
    import pyarrow as pa

PAIRS, SINGLES = "model_pair.jsonl", "model_single.jsonl"


class MTBenchJudgments(Format):
    """Both games of a pair with prompts and replies; of a graded answer, the rating."""

    takes: ClassVar[Literal["comparison", "grade", "both"]] = "both"
    files: ClassVar[tuple[str, ...]] = (PAIRS, SINGLES)
    carries: ClassVar[frozenset[Content]] = frozenset(
        {
            "earlier_turns", "models", "winner", "order", "scores", "rationale", "teacher", "consistency", "grades",
            "feedback",
        }
    )  # fmt: skip
    loses: ClassVar[tuple[str, ...]] = (
        "how far apart scores are (a game has a winner or is a tie), margins, and scores under named criteria",
        "judgments beside the two games: repeated ones, of other teachers, with or without the reference",
        "the reference where the judge was not shown it, and who wrote it",
        "a system prompt as such (it is part of the first question)",
        "reviews of people",
        "the source's own id where it is no whole number",
        "rubric, category and licence",
        "sampling parameters, finish reasons, tokens and costs",
        "that a row is simulated",
        "the turns of a conversation from where the two models' replies part (they become one answer)",
    )

    def encode(self, example: Example) -> Iterator[tuple[str, Record]]:
        """One line: of a comparison both games, of a graded answer the rating.

        Raises `CannotCarry` as `pair_of` and `Pair.winner`, or `graded`; for pairs `same_model` (lines are found by
        models' names), `not_both_orders` where no teacher judged both orders alike, and `verdict_is_not_both_games`
        where the verdict is not what the games say (a winner wins both); for both `more_than_two_turns`,
        `mark_in_text` where a text holds marks of the prompt, and `mark_in_explanation` where an explanation holds a
        mark that FastChat would take for the result; for ratings `score_outside_1_to_10`.
        """
        if example.comparison is None:
            yield SINGLES, single_line(example)
        else:
            yield PAIRS, pair_line(example)

    def decode(self, files: Mapping[str, Iterable[Record]]) -> Iterator[Example | Loss]:
        """Examples of the pairs, then of the single answers; `index` counts on from one to the other.

        A model that wins both games wins, anything else is a tie, as `show_result.py` counts. Lines whose judgment
        failed (`error`, -1) are losses, and so are prompts that FastChat's templates do not make, and replies that do
        not end with the mark that their line says.
        """
        lines = chain.from_iterable(lines_of(files, name) for name in self.files)
        readers = {PAIRS: read_pair, SINGLES: read_single}
        return rows(lines, lambda line, index: readers[line.file](line, index), "question_id")

    def features(self) -> Mapping[str, pa.Schema]:
        import pyarrow as pa

        from ._features import NUMBER, TEXT, WHOLE, schema

        names, time = {"judge": pa.list_(TEXT)}, {"turn": WHOLE, "tstamp": NUMBER}
        games = dict.fromkeys(("g1_user_prompt", "g1_judgment", "g2_user_prompt", "g2_judgment"), TEXT)
        models = dict.fromkeys(("model_1", "model_2", "g1_winner", "g2_winner"), TEXT)
        single = {"user_prompt": TEXT, "judgment": TEXT, "score": NUMBER}
        return {
            PAIRS: schema(question_id=WHOLE, **models, **names, **games, **time),
            SINGLES: schema(question_id=WHOLE, model=TEXT, **names, **single, **time),
        }

    def notes(self) -> tuple[str, ...]:
        """What a person who trains on these files must know; printed with the export and written on its card."""
        return (
            "FastChat looks for these files as `data/mt_bench/model_judgment/JUDGE_pair.jsonl` and "
            "`JUDGE_single.jsonl`; `show_result.py --input-file` takes any name.",
            "`tstamp` is the row's place in the export, not a time.",
            "Lines are found by question_id, models and judge: ids of several sources must not overlap, and a pair of "
            "models must meet once a question.",
            "Where an explanation did not end with FastChat's own mark, it was written behind it.",
        )
