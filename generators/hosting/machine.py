"""What has been found out about this machine."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from threading import Lock
from typing import TypeVar

from . import devices, nvidia_smi, versions

T = TypeVar("T")


class Machine:
    """This machine as it is now: each question is asked once, whoever asks, from any thread, and the others wait."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: dict[object, Future[object]] = {}

    def gpus(self) -> list[nvidia_smi.GPU]:
        """See `nvidia_smi.gpus`."""
        return self._once("gpus", nvidia_smi.gpus)

    def visible(self) -> tuple[int, ...]:
        """See `devices.visible`."""
        return self._once("visible", lambda: devices.visible(self.gpus))

    def vllm(self, python: Path) -> versions.Installed | None:
        """See `versions.installed`."""
        return self._once(python, lambda: versions.installed(python))

    def _once(self, question: object, find: Callable[[], T]) -> T:
        """What `find` returns, or raises."""
        with self._lock:
            asked = question in self._known
            answer: Future[T] = self._known.setdefault(question, Future())  # type: ignore[assignment]  # of `find`
        if not asked:
            try:
                answer.set_result(find())
            except Exception as error:  # noqa: BLE001 - raised again below, for everybody who waits
                answer.set_exception(error)
        return answer.result()
