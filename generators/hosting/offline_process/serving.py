"""The loop that feeds vLLM's engine: what has come joins the batch, the engine makes a step, what is done leaves."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

from vllm.v1.engine.exceptions import EngineDeadError

from .answering import Answers
from .asking import Forms, Ready, Refused, one_line
from .channel import Channel
from .loading import Unloadable, adapters, load, test


def run(descriptor: int) -> None:
    """Load what the first message names, then serve until the channel is closed."""
    channel = Channel(descriptor)
    setup = channel.received(wait=True)
    if not setup:
        return
    wanted = setup[0]
    try:
        llm, loras = load(wanted["model"], wanted["arguments"], wanted["template"]), adapters(wanted["adapters"])
        test(llm, loras)
    except Unloadable as error:
        channel.send([{"failed": str(error)}])
        sys.exit(1)
    channel.send([{"ready": {"max_model_len": llm.model_config.max_model_len}}])
    Serving(channel, llm, loras).loop()
    llm.llm_engine.engine_core.shutdown()
    # All that is left is to take Python's objects apart one by one: seconds in which the next model could load.
    os._exit(0)


class Serving:
    """One loaded model and its open requests."""

    def __init__(self, channel: Channel, llm: Any, loras: Sequence[Any]) -> None:  # noqa: ANN401 - vLLM's
        self._channel, self._llm, self._engine, self._loras = channel, llm, llm.llm_engine, loras
        self._forms, self._answers = Forms(llm), Answers(llm.renderer.tokenizer)
        self._open: dict[int, Ready] = {}

    def loop(self) -> None:
        """Until the other side closes the channel."""
        while (messages := self._channel.received(wait=not self._open)) is not None:
            replies = [reply for message in messages if (reply := self._take(message)) is not None]
            if self._open:
                replies += [self._answer(output) for output in self._engine.step() if output.finished]
            self._channel.send(replies)

    def _take(self, message: dict[str, Any]) -> dict[str, Any] | None:
        """Act on a message; what is to be answered at once."""
        if "ask" in message:
            return self._ask(message["ask"], message)
        if "abort" in message:
            if self._open.pop(message["abort"], None) is not None:
                self._engine.abort_request([str(message["abort"])])
            return None
        if "sleep" in message:
            self._llm.sleep(level=1)
            return {"slept": True}
        self._llm.wake_up()
        return {"woken": True}

    def _ask(self, number: int, message: dict[str, Any]) -> dict[str, Any] | None:
        """Put a request into the batch, or say why not."""
        lora = self._loras[message["adapter"] - 1] if message["adapter"] else None
        try:
            ready = self._forms.ready(message["body"], message["seed"])
            self._engine.add_request(str(number), ready.prompt, ready.params, lora_request=lora)
        except Refused as refused:
            return {"id": number, "rejected": str(refused)}
        except EngineDeadError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one request must not end the others
            return {"id": number, "rejected": one_line(error)}
        self._open[number] = ready
        return None

    def _answer(self, output: Any) -> dict[str, Any]:  # noqa: ANN401 - vLLM's
        number = int(output.request_id)
        ready = self._open.pop(number)
        try:
            return self._answers.reply(number, output, ready)
        except Exception as error:  # noqa: BLE001 - one reply that cannot be written must not end the others
            return {"id": number, "rejected": f"vLLM has answered, but the reply cannot be read: {one_line(error)}"}
