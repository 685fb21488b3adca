"""Runs a program and ends all it has started as soon as nobody waits for it any more.

A script of its own, with nothing but the standard library: `launcher.py DESCRIPTORS PROGRAM ARGUMENT…`, where
DESCRIPTORS are the open files that the program gets too, `3,4` or `-`. Who starts it holds the other end of its
standard input: a number written there asks for an end and grants so many seconds for it; a closed end means that
nobody is left.

The end is systemd's `KillMode=mixed` (systemd.kill(5)): SIGTERM to the program, which knows best how to end what it
started, and after the grace SIGKILL to all. None can hide: as subreaper (prctl(2), PR_SET_CHILD_SUBREAPER) the
launcher inherits every descendant whose parent dies, in whatever process group or session it is. Should the launcher
itself be killed, the kernel kills the program (PR_SET_PDEATHSIG), and `process.py` finds what that left.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

ABANDONED_S = 1.0
"""Seconds that a program has to end in order where nobody waits for it, and what it started once it has ended:
Python's resource tracker then gives shared memory back."""
LOOK_EVERY_MS = 1000
"""A closed end is noticed at once; that the parent is gone while a fork of it still holds the end, so late."""
NOT_FOUND = 127
"""Exit status where the program cannot be run, as a shell's (POSIX, Shell Command Language 2.8.2)."""
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


def main() -> int:
    """Exit status of the program; 128 and the signal's number where a signal ended it."""
    descriptors = [int(number) for number in sys.argv[1].split(",") if number.isdigit()]
    parent, libc = os.getppid(), ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    for wakes in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(wakes, lambda *_: None)

    def ends_with_launcher() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)

    try:
        # One thread only, so that code between fork and exec is safe, and the signal is bound to the whole launcher.
        program = subprocess.Popen(
            sys.argv[2:],
            stdin=subprocess.DEVNULL,
            pass_fds=descriptors,
            process_group=0,
            preexec_fn=ends_with_launcher,  # noqa: PLW1509
        )
    except OSError as error:
        sys.stderr.write(f"cannot run {sys.argv[2]}: {error.strerror}\n")
        return NOT_FOUND
    for number in descriptors:
        os.close(number)  # So that the other side notices the program's end, not the launcher's.
    grace_s = _until_end(program, parent, woken)
    if not _ended(program):
        program.terminate()
        _wait(program, woken, grace_s)
    _kill_descendants(program)
    return program.returncode if program.returncode >= 0 else 128 - program.returncode


def _until_end(program: subprocess.Popen[bytes], parent: int, woken: int) -> float:
    """Returns when the program has ended or is to end: seconds it has for that."""
    poll = select.poll()
    poll.register(0, select.POLLIN)
    poll.register(woken, select.POLLIN)
    while not _ended(program):
        ready = [number for number, _ in poll.poll(LOOK_EVERY_MS)]
        if 0 in ready:
            asked = os.read(0, 32)
            return float(asked.split()[0]) if asked else ABANDONED_S
        if woken in ready and set(os.read(woken, 64)) - {signal.SIGCHLD}:
            return ABANDONED_S
        if os.getppid() != parent:
            return ABANDONED_S
    return 0.0


def _wait(program: subprocess.Popen[bytes], woken: int, grace_s: float) -> None:
    latest = time.monotonic() + grace_s
    while not _ended(program) and (left := latest - time.monotonic()) > 0:
        # Any signal wakes it, SIGCHLD for one.
        if select.select([woken], [], [], left)[0]:
            os.read(woken, 64)


def _kill_descendants(program: subprocess.Popen[bytes]) -> None:
    """Until there are no children left. Those of a child that dies become the launcher's own, and are next."""
    latest = time.monotonic() + ABANDONED_S
    while children(os.getpid()) and time.monotonic() < latest:
        _ended(program)
        time.sleep(0.01)
    while True:
        for pid in children(os.getpid()):
            os.kill(pid, signal.SIGKILL)  # A zombie takes it too; nobody else can reap it.
        try:
            _note(program, *os.waitpid(-1, 0))
        except ChildProcessError:
            return


def _ended(program: subprocess.Popen[bytes]) -> bool:
    """Whether the program has ended. Takes note of all children that have: nobody else does."""
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG)) != (0, 0):
            _note(program, *ended)
    return program.returncode is not None


def _note(program: subprocess.Popen[bytes], pid: int, status: int) -> None:
    if pid == program.pid:
        program.returncode = os.waitstatus_to_exitcode(status)


def children(pid: int) -> list[int]:
    """Direct children of a process, zombies included."""
    return [child for child, fields in processes() if fields[1] == str(pid)]


def processes() -> Iterator[tuple[int, list[str]]]:
    """Every process of this machine that can be seen: its id, and what `fields_of` gives."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (fields := fields_of(int(folder.name))):
            yield int(folder.name), fields


def fields_of(pid: int) -> list[str]:
    """What /proc/PID/stat says after the name (proc_pid_stat(5)): state, parent, group, session, …, at 19 the start
    in clock ticks since boot. Empty where there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


if __name__ == "__main__":
    sys.exit(main())
