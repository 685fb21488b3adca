"""MT-Bench's judge prompts: pairs and single answers, with or without a reference, one turn or two.

Source of every literal: `fastchat/llm_judge/data/judge_prompts.jsonl` of github.com/lm-sys/FastChat at 0e6d3e4
(arXiv 2306.05685, appendix A), character for character; the functions choose among its eight templates as
`gen_judgment.py` does. A chat of two turns is shown to the judge as two turns, whose first one is the same for all
answers, so the reply in it also stands where upstream shows the first reference answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .chat_text import question_text
from .errors import Unaskable
from .rows import Task

_IMPARTIAL = "Please act as an impartial judge and evaluate the quality of the response"
_FACTORS = (
    "Your evaluation should consider factors such as the helpfulness, relevance, accuracy, depth, creativity, and"
)
_CORRECTNESS = "Your evaluation should consider correctness and helpfulness."
_MISTAKES = "Identify and correct any mistakes."
_BETTER = "You should choose the assistant that follows the user's instructions and answers the user's"
_UNBIASED = (
    "Avoid any position biases and ensure that the order in which the responses were presented does not influence "
    "your decision. Do not allow the length of the responses to influence your evaluation. Do not favor certain names "
    "of the assistants. Be as objective as possible. After providing your explanation, output your final verdict by "
    'strictly following this format: "[[A]]" if assistant A is better, "[[B]]" if assistant B is better, and "[[C]]" '
    "for a tie."
)
_RATE = (
    "Be as objective as possible. After providing your explanation, you must rate the response on a scale of 1 to 10 "
    'by strictly following this format: "[[rating]]", for example: "Rating: [[5]]".'
)
_SYSTEMS = {
    "pair-v2": (
        f"{_IMPARTIAL}s provided by two AI assistants to the user question displayed below. {_BETTER} question better. "
        f"{_FACTORS} level of detail of their responses. Begin your evaluation by comparing the two responses and "
        f"provide a short explanation. {_UNBIASED}"
    ),
    "pair-v2-multi-turn": (
        f"{_IMPARTIAL}s provided by two AI assistants to the user questions. {_BETTER} questions better. "
        f"{_FACTORS} level of detail of their responses. You should focus on who provides a better answer to the "
        "second user question. Begin your evaluation by comparing the responses of the two assistants and provide a "
        f"short explanation. {_UNBIASED}"
    ),
    "pair-math-v1": (
        f"{_IMPARTIAL}s provided by two AI assistants to the user question displayed below. {_CORRECTNESS} You will be "
        "given a reference answer, assistant A's answer, and assistant B's answer. Your job is to evaluate which "
        "assistant's answer is better. Begin your evaluation by comparing both assistants' answers with the reference "
        f"answer. {_MISTAKES} {_UNBIASED}"
    ),
    "pair-math-v1-multi-turn": (
        f"{_IMPARTIAL}s provided by two AI assistants to the user questions. {_CORRECTNESS} You will be given "
        "reference answers, the assistant A's answers, the assistant B's answers. Your job is to determine which "
        "assistant provides correct and helpful answers to the second user question. Begin your evaluation by "
        f"comparing both assistants' answers with the reference answers. {_MISTAKES} {_UNBIASED}"
    ),
    "single-v1": "You are a helpful assistant.",
    "single-math-v1": "You are a helpful assistant.",
    "single-v1-multi-turn": (
        f"{_IMPARTIAL} provided by an AI assistant to the user question displayed below. {_FACTORS} level of detail of "
        "the response. You evaluation should focus on the assistant's answer to the second user question. Begin your "
        f"evaluation by providing a short explanation. {_RATE}\n\n"
    ),
    "single-math-v1-multi-turn": (
        f"{_IMPARTIAL} provided by an AI assistant to the user question. {_CORRECTNESS} You will be given a reference "
        "answer and the assistant's answer. You evaluation should focus on the assistant's answer to the second "
        "question. Begin your evaluation by comparing the assistant's answer with the reference answer. "
        f"{_MISTAKES} {_RATE}\n\n"
    ),
}
"""Name of a template -> its system message."""
_INSTRUCTIONS = {
    "single-v1": (
        f"[Instruction]\n{_IMPARTIAL} provided by an AI assistant to the user question displayed below. {_FACTORS} "
        f"level of detail of the response. Begin your evaluation by providing a short explanation. {_RATE}\n\n"
    ),
    "single-math-v1": (
        f"[Instruction]\n{_IMPARTIAL} provided by an AI assistant to the user question displayed below. {_CORRECTNESS} "
        "You will be given a reference answer and the assistant's answer. Begin your evaluation by comparing the "
        f"assistant's answer with the reference answer. {_MISTAKES} {_RATE}\n\n"
    ),
}
"""Name of a template -> what opens its user message: where the system message says nothing, it is said here."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a judge is asked."""

    template: str
    """Name of the template, such as `pair-v2`."""
    system: str
    user: str


def prompt(task: Task, answers: Sequence[str], reference: str | None) -> Prompt:
    """The prompt about one answer or two, in the order shown; a reference calls for the `math` templates.

    A system prompt is part of the first question. Raises `Unaskable` for a chat of more than two turns, and
    `ValueError` for another number of answers.
    """
    if len(answers) not in (1, 2):
        raise ValueError(f"MT-Bench's prompts show one answer or two (got {len(answers)})")
    kind = "pair" if len(answers) == 2 else "single"
    number = "math-v1" if reference is not None else "v2" if kind == "pair" else "v1"
    if len(task.turns) == 1:
        name = f"{kind}-{number}"
        return Prompt(name, _SYSTEMS[name], _one_turn(name, question_text(task), answers, reference))
    name = f"{kind}-{number}-multi-turn"
    return Prompt(name, _SYSTEMS[name], _two_turns(task, answers, reference))


def _one_turn(name: str, question: str, answers: Sequence[str], reference: str | None) -> str:
    heading = "[User Question]" if len(answers) == 2 else "[Question]"
    names = ("Assistant A's", "Assistant B's") if len(answers) == 2 else ("Assistant's",)
    blocks = [f"{heading}\n{question}"]
    if reference is not None:
        blocks.append(_block("Reference", reference))
    blocks += [_block(name, answer) for name, answer in zip(names, answers, strict=True)]
    return _INSTRUCTIONS.get(name, "") + "\n\n".join(blocks)


def _block(name: str, answer: str) -> str:
    return f"[The Start of {name} Answer]\n{answer}\n[The End of {name} Answer]"


def _two_turns(task: Task, answers: Sequence[str], reference: str | None) -> str:
    roles = [turn.role for turn in task.turns]
    if roles != ["user", "assistant", "user"]:
        raise Unaskable(f"MT-Bench's prompts show chats of one or two turns (got {', '.join(roles)})")
    first = question_text(task.model_copy(update={"messages": task.messages[:-2]}))
    given, second = task.turns[1].content, task.instruction
    blocks = []
    if reference is not None:
        blocks.append(_chat("Reference Answer", "Reference answer", (first, given), (second, reference)))
    for letter, answer in zip("AB", answers, strict=False):
        title = f"Assistant {letter}'s Conversation with User"
        blocks.append(_chat(title, f"Assistant {letter}", (first, given), (second, answer)))
    return "\n\n\n".join(blocks)


def _chat(title: str, name: str, *turns: tuple[str, str]) -> str:
    shown = "".join(f"### User:\n{question}\n\n### {name}:\n{answer}\n\n" for question, answer in turns)
    return f"<|The Start of {title}|>\n\n{shown}<|The End of {title}|>"
