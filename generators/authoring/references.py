"""The reference answer to an instruction, one that deserves the best score: the prompt and its parser.

Source of the method: Prometheus (arXiv 2310.08491, section 3.1: a strong model writes the answer that would get the
best score). The words are our own. The answer is asked for between two lines: a refusal, a remark or an answer that was
cut off is not taken for a reference.
"""

from __future__ import annotations

from ...schemas.errors import Unreadable
from ...schemas.rows import Message
from ...schemas.rubric import Rubric
from .rubrics import written
from .texts import excerpt, usable

BEGIN, END = "[Answer]", "[End of answer]"

_ASK = """\
Answer the request below as well as it can be answered. Your answer will be the reference with which the answers of \
others are compared, so it must deserve the best score under this rubric and be right in everything it says.

[Rubric]
{rubric}

[Request]
{instruction}

[Length]
{length}

Do not mention the rubric. Write plain text without headings; lists and code are fine where they help. Reply with the \
answer between these two lines and nothing else:
{begin}
{end}"""


def ask(rubric: Rubric, instruction: str, words: int | None = None) -> tuple[Message, ...]:
    """The messages that ask for a reference answer, of about so many words where a number is given."""
    length = f"Length: about {words} words" if words else "Length: what the request calls for"
    content = _ASK.format(rubric=written(rubric), instruction=instruction, length=length, begin=BEGIN, end=END)
    return (Message(role="user", content=content),)


def read(reply: str) -> str:
    """The answer between its two lines. Raises `Unreadable` where there is anything else, or less."""
    text = reply.strip()
    if not text.startswith(f"{BEGIN}\n"):
        raise Unreadable(f"expected a first line {BEGIN!r}, got {excerpt(text)}")
    if not text.endswith(f"\n{END}"):
        raise Unreadable(f"expected a last line {END!r}, got {excerpt(text[-60:])}")
    answer = usable(text[len(BEGIN) : -len(END)], "an answer")
    if BEGIN in answer or END in answer:
        raise Unreadable(f"expected one answer between {BEGIN!r} and {END!r}, got several")
    return answer
