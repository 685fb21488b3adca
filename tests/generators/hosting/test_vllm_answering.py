"""What becomes of replies that cannot be decoded token by token, or not at all. vLLM's own classes, no model."""

from __future__ import annotations

import importlib.util
import socket
import threading
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore::Warning"),  # Those of torch's and vLLM's imports.
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed"),
]
WORDS = ("<unk>", "A", "B", "<end>")


def byte(value: int) -> int:
    """The token of a byte."""
    return len(WORDS) + value


EURO = [byte(value) for value in "€".encode()]


def tokenizer() -> Any:  # noqa: ANN401 - transformers has no types here
    """Words, and a token for each byte, as in Llama 2 and Mistral: what follows can change what a byte was."""
    from tokenizers import Tokenizer, decoders, models
    from transformers import PreTrainedTokenizerFast

    vocabulary = [*WORDS, *(f"<0x{value:02X}>" for value in range(256))]
    made = Tokenizer(models.WordLevel({word: place for place, word in enumerate(vocabulary)}, unk_token=WORDS[0]))
    made.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token=WORDS[3])


def output(ids: Sequence[int], number: int = 7, finish: str = "length") -> Any:  # noqa: ANN401 - vLLM's
    """A finished request with one token at each place, as `flat_logprobs` has it."""
    from vllm.logprobs import FlatLogprobs
    from vllm.outputs import CompletionOutput, RequestOutput

    logprobs = FlatLogprobs()
    for token in ids:
        logprobs.append_fast([token], [-1.0], iter([1]), [None])
    said = CompletionOutput(0, "", list(ids), None, logprobs, finish_reason=finish)
    return RequestOutput(str(number), None, [1], None, [said], finished=True)


def ready(**params: object) -> Any:  # noqa: ANN401 - vLLM's
    from vllm import SamplingParams

    from prefmill.generators.hosting.offline_process.asking import Ready

    return Ready([1], SamplingParams(logprobs=1, detokenize=False, **params), 0)


def test_bytes_that_are_no_utf8_end_nothing() -> None:
    from prefmill.generators.hosting.offline_process.answering import Answers

    reply = Answers(tokenizer()).reply(7, output([1, *EURO, byte(0x80), 2, 1]), ready())
    assert reply["text"].startswith("A")
    assert reply["text"].endswith("BA")
    assert reply["completion_tokens"] == len(reply["logprobs"]["content"]) == 7


@pytest.mark.parametrize(
    ("finish", "included", "text"), [("stop", False, "A€"), ("stop", True, "A€B"), ("length", False, "A€B")]
)
def test_the_token_that_ended_it_is_there_where_it_is_wanted(finish: str, included: bool, text: str) -> None:
    from prefmill.generators.hosting.offline_process.answering import Answers

    asked = ready(include_stop_str_in_output=included)
    assert Answers(tokenizer()).reply(7, output([1, *EURO, 2], finish=finish), asked)["text"] == text


class Engine:
    """In place of vLLM's: each step finishes a request that it was told to finish. Not one of prefmill's classes."""

    def __init__(self, outputs: Sequence[Any]) -> None:
        self._outputs, self._asked = list(outputs), 0

    def add_request(self, *_: object, **__: object) -> None:
        self._asked += 1

    def step(self) -> list[Any]:
        self._asked -= 1
        return [self._outputs.pop(0)]


def test_a_reply_that_cannot_be_read_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from prefmill.generators.hosting.offline_process import serving
    from prefmill.generators.hosting.offline_process.channel import Channel

    spoilt = output([1, 2], number=1)
    spoilt.outputs[0].logprobs.token_ids[0] = -1  # No token: the tokeniser raises over it.
    spoilt.outputs[0].token_ids[0] = -1
    llm = SimpleNamespace(
        llm_engine=Engine([spoilt, output([1, 2], number=2)]), renderer=SimpleNamespace(tokenizer=tokenizer())
    )
    monkeypatch.setattr(serving, "Forms", lambda _: SimpleNamespace(ready=lambda *_: ready()))
    ours, theirs = socket.socketpair()

    def serve() -> None:
        channel = Channel(theirs.detach())
        try:
            serving.Serving(channel, llm, ()).loop()
        finally:
            channel._socket.close()

    process = threading.Thread(target=serve)
    process.start()
    here = Channel(ours.detach())
    replies: list[dict[str, Any]] = []
    here.send([{"ask": number, "seed": 1, "adapter": 0, "body": {}} for number in (1, 2)])
    while len(replies) < 2:
        replies += here.received(wait=True) or [{"id": 0, "rejected": "it has ended"}]
    here._socket.close()
    process.join()
    failed, answered = replies
    assert failed["id"] == 1
    assert failed["rejected"].startswith("vLLM has answered, but the reply cannot be read: ")
    assert (answered["id"], answered["text"]) == (2, "AB")
