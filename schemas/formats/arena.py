"""Chatbot Arena's conversations with votes: two conversations, the winner, who judged.

Source: the data set `lmsys/chatbot_arena_conversations` (columns as its card declares them) and the scripts that made
and read it, `fastchat/serve/monitor/` of github.com/lm-sys/FastChat at 0e6d3e4 (`clean_battle_data.py`,
`elo_analysis.py`, `dataset_release_scripts/arena_33k/`). Newer sets of the arena (`arena-human-preference-140k`) are
read, too: there an `id` names the row, contents are lists of parts, and a tie of bad answers is called `both_bad`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

from ..contents import Content
from ..errors import CannotCarry
from ..rows import Example, Loss, Winner
from . import Format, Record
from ._arena_judge import PERSON, ballots, read, written
from ._conversations import conversation, messages_at, met
from ._lines import Line, lines_of
from ._pair import pair_of
from ._votes import Vote, gathered, vote

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = "arena.jsonl"
_CATEGORIES = (
    "harassment", "harassment/threatening", "hate", "hate/threatening", "self-harm", "self-harm/instructions",
    "self-harm/intent", "sexual", "sexual/minors", "violence", "violence/graphic",
)  # fmt: skip
_NAMES: Mapping[Winner, str] = {"first": "model_a", "second": "model_b", "tie": "tie"}
_TIE_OF_BAD = "tie (bothbad)"
_WINNERS: Mapping[str, tuple[Winner, bool]] = {
    "model_a": ("first", False),
    "model_b": ("second", False),
    "tie": ("tie", False),
    _TIE_OF_BAD: ("tie", True),
    "both_bad": ("tie", True),
}


class Arena(Format):
    """Votes on pairs of conversations, one row for each vote."""

    files: ClassVar[tuple[str, ...]] = (ROWS,)
    carries: ClassVar[frozenset[Content]] = frozenset(
        {"source_id", "system_prompt", "earlier_turns", "models", "winner", "order", "reviews"}
    )
    loses: ClassVar[tuple[str, ...]] = (
        "the verdict where people have decided (their votes are the rows)",
        "people who could not judge a pair, how much better they found the winner, and their comments",
        "judgments: scores, explanations, consistency (a verdict's row names the teachers)",
        "reference, rubric, category and licence",
        "sampling parameters, finish reasons, tokens and costs",
        "that a row is simulated",
        "languages, times, moderation and toxicity tags of the rows of the arena, and whether they were anonymous",
        "the turns of a conversation from where the two models' replies part (they become one answer)",
    )

    def encode(self, example: Example) -> Iterator[tuple[str, Record]]:
        """One row for each person who decided, else one for the verdict.

        Raises `CannotCarry` as `pair_of` and `ballots`, and `empty_answer` (the arena drops such votes).
        """
        pair = pair_of(example)
        if not all(text.strip() for text in pair.texts):
            raise CannotCarry("empty_answer")
        chats = [conversation(example.task, text) for text in pair.texts]
        for ballot in ballots(example, pair):
            yield (
                ROWS,
                {
                    "question_id": pair.comparison.id if example.task.source_id is None else example.task.source_id,
                    "model_a": pair.first.model,
                    "model_b": pair.second.model,
                    "winner": _TIE_OF_BAD if ballot.both_bad else _NAMES[ballot.winner],
                    "judge": written(ballot),
                    "conversation_a": chats[0],
                    "conversation_b": chats[1],
                    "turn": sum(message.role == "user" for message in example.task.messages),
                    "anony": True,
                    "language": "unknown",
                    "tstamp": float(example.index),
                    # The arena's scripts look into these, so the keys are there; nobody has looked at the texts.
                    "openai_moderation": {
                        "categories": dict.fromkeys(_CATEGORIES),
                        "category_scores": dict.fromkeys(_CATEGORIES),
                        "flagged": None,
                    },
                    "toxic_chat_tag": {
                        "roberta-large": {"flagged": None, "probability": None},
                        "t5-large": {"flagged": None, "score": None},
                    },
                },
            )

    def decode(self, files: Mapping[str, Iterable[Record]]) -> Iterator[Example | Loss]:
        """Examples with the votes as reviews, by people's names without `arena_user_`; votes on one pair that follow
        each other are one example. A row whose judge is no person of the arena is a verdict; its protocol is the judge.

        A tie of bad answers is a tie with the comment `both bad`. Newer rows, which name no judge, are people's: their
        annotator is `evaluation_session_id`, or `unknown`. From where replies of earlier turns differ, the rest of a
        conversation is one answer (`_conversations.py`).
        """
        return gathered(lines_of(files, ROWS), _vote, "question_id")

    def features(self) -> Mapping[str, pa.Schema]:
        from ._arena_features import arena

        return {ROWS: arena(_CATEGORIES)}

    def notes(self) -> tuple[str, ...]:
        """What a person who trains on these files must know; printed with the export and written on its card."""
        return (
            "`tstamp` is the row's place in the export, not a time: FastChat's rating script sorts by it. `language` "
            "is `unknown`, FastChat's own word; with a language filter that script drops every row.",
            "Moderation and toxicity tags are null: the texts were not checked. FastChat's release filter reads null "
            "as not flagged.",
            "FastChat's release filter drops single-turn prompts under 16 characters, the ten most frequent prompts, "
            "and texts that contain <anonymized> or <redacted>.",
            "Rows whose judge does not begin with `arena_user_` are a model's verdicts, not votes of people.",
        )


def _vote(line: Line) -> Vote:
    winner, both_bad = line.choice("winner", _WINNERS)
    sides = [messages_at(line, key) for key in ("conversation_a", "conversation_b")]
    try:
        chat, texts = met(*sides)
    except ValueError as problem:
        raise line.wrong("conversation_b", str(problem)) from problem
    name = next((line.text(key) for key in ("question_id", "id") if line.has(key)), None)
    return vote(line, read(_judge(line), winner, both_bad), name, chat, texts)


def _judge(line: Line) -> str | None:
    if line.has("evaluation_session_id") and not line.has("judge"):
        return f"{PERSON}{line.text('evaluation_session_id')}"
    return line.text("judge") if line.has("judge") else None
