"""A program that runs for the time of a run, with all the processes it starts.

`launcher.py` stands between it and this process: it ends the program, its children and theirs, when `stop` is called
and when this process dies in any way, `kill -9` included, no matter which thread started it. What even the launcher's
own death left running is found by `reap` when a later process works in the same folder.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from ...schemas.errors import EndpointError
from . import launcher

GRACE_S = 10.0
"""Seconds that a program has to end by itself after SIGTERM; systemd has 90, but nothing is lost here."""
KILLED_WITHIN_S = 30.0
"""Seconds to wait for processes after SIGKILL: the driver first frees a GPU's memory."""
LOOK_EVERY_S = 0.02
_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class Process:
    """A running program. What it writes goes to `log`, which is kept; `start` makes one."""

    def __init__(self, popen: subprocess.Popen[bytes], log: Path, note: Path, begin: int, started: int) -> None:
        """`note`: the file by which `reap` finds the process; `begin`: the log's length before; `started`: when, as in
        the note."""
        assert popen.stdin is not None
        self._popen, self._end, self.log, self._note = popen, popen.stdin, log, note
        self._begin, self._started = begin, started

    @classmethod
    def start(
        cls,
        name: str,
        command: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        pass_fds: Sequence[int] = (),
    ) -> Process:
        """Run a command with exactly this environment. `name` names its log and is unlike that of any other process
        in the folder; `pass_fds` stay open in the program, under the same numbers (close them here).

        Returns at once. Raises `EndpointError` where there is no such program.
        """
        program = shutil.which(command[0], path=environment.get("PATH"))
        if program is None:
            raise EndpointError(f"there is no program {command[0]!r} that could be run")
        folder.mkdir(parents=True, exist_ok=True)
        log, note = folder / f"{name}.log", folder / f"{name}.pid"
        descriptors = ",".join(map(str, pass_fds)) or "-"
        with log.open("ab") as stream:
            begin = stream.tell()
            popen = subprocess.Popen(
                [sys.executable, "-I", "-S", launcher.__file__, descriptors, program, *command[1:]],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=stream,
                stderr=stream,
                bufsize=0,
                pass_fds=pass_fds,
                start_new_session=True,  # A terminal's Ctrl-C is for this process, which stops it in order.
            )
        # Clock ticks since boot. Not reaped yet, so it is there even if it has ended.
        started = int(launcher.fields_of(popen.pid)[19])
        note.write_text(json.dumps({"boot": _boot(), "pid": popen.pid, "started": started}))
        return cls(popen, log, note, begin, started)

    def alive(self) -> bool:
        """Whether the program has not ended."""
        return self._popen.poll() is None

    def status(self) -> int | None:
        """Exit status; 128 and the signal's number where a signal ended it; None while it runs."""
        status = self._popen.poll()
        return status if status is None or status >= 0 else 128 - status

    def said(self) -> list[str]:
        """Lines that it wrote to its log so far, the last 64 KiB at most, without colours and empty ones."""
        with self.log.open("rb") as stream:
            stream.seek(max(self._begin, stream.seek(0, os.SEEK_END) - 2**16))
            text = _ESCAPES.sub("", stream.read().decode(errors="replace"))
        return [line.rstrip() for line in text.splitlines() if line.strip()]

    async def stop(self, grace_s: float = GRACE_S) -> None:
        """End it: SIGTERM, and SIGKILL for whatever is left after the grace. Returns when all its processes are gone;
        those that not even SIGKILL ends within `KILLED_WITHIN_S` stay noted for `reap`."""
        if not self._end.closed:
            with suppress(BrokenPipeError):
                self._end.write(f"{grace_s}\n".encode())
        await self._wait(grace_s + KILLED_WITHIN_S)
        if self._popen.poll() is None:
            self._popen.kill()
            await self._wait(KILLED_WITHIN_S)
        self._end.close()
        latest = time.monotonic() + KILLED_WITHIN_S
        while _kill(left := _writing_to(self.log, self._started)) and time.monotonic() < latest:
            await asyncio.sleep(LOOK_EVERY_S)
        if not left:
            self._note.unlink(missing_ok=True)

    async def _wait(self, seconds: float) -> None:
        latest = time.monotonic() + seconds
        while self._popen.poll() is None and time.monotonic() < latest:
            await asyncio.sleep(LOOK_EVERY_S)


def reap(folder: Path) -> list[str]:
    """End what earlier processes left running in a folder, and name it, a line each. Waits until it is gone.

    Nothing of this folder may be in use. Raises `EndpointError` where a process does not end.
    """
    found: dict[str, None] = {}
    for note in sorted(folder.glob("*.pid")):
        try:
            noted = json.loads(note.read_text())
            pid, started, boot = int(noted["pid"]), int(noted["started"]), str(noted["boot"])
        except (ValueError, KeyError, TypeError):
            note.unlink(missing_ok=True)  # Cut off while it was written: its launcher has seen the end of who wrote it.
            continue
        begun = time.monotonic()
        while boot == _boot() and (left := _writing_to(note.with_suffix(".log"), started)):
            waited = time.monotonic() - begun
            if waited > KILLED_WITHIN_S:
                raise EndpointError(f"{note.stem}: process {left[0]} does not end. End it, and delete {note}.")
            if pid not in left or waited > 2 * launcher.ABANDONED_S:  # A launcher that lives does it in order.
                found |= dict.fromkeys(f"{note.stem}: process {number} was still running" for number in left)
                _kill(left)
            time.sleep(LOOK_EVERY_S)
        note.unlink(missing_ok=True)
    return list(found)


def _writing_to(log: Path, since: int) -> list[int]:
    """Processes with a log as their output that started at a certain time or later, without zombies.

    Only a program of ours and what it started has that, in whatever session or group, and no other process that got
    its number since. Who reads a log, or an editor, has it open too, but not as its output.
    """
    with suppress(FileNotFoundError):
        file = log.stat()
        return [
            pid
            for pid, fields in launcher.processes()
            if fields[0] not in "ZX" and int(fields[19]) >= since and _writes_to(pid, file)
        ]
    return []


def _writes_to(pid: int, file: os.stat_result) -> bool:
    """Whether a process has a file as its standard output or error."""
    for number in (1, 2):
        with suppress(OSError):
            if os.path.samestat(Path(f"/proc/{pid}/fd/{number}").stat(), file):
                return True
    return False


def _kill(pids: Sequence[int]) -> bool:
    """Send SIGKILL; whether there was any to send it to."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return bool(pids)


def _boot() -> str:
    """Changes with each start of the machine, from which start times count."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
