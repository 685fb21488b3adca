"""Programs with children of their own: nothing is left of them, however they or who started them ended."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from prefmill.generators.hosting import launcher
from prefmill.generators.hosting.process import Process, reap
from prefmill.schemas.errors import EndpointError

STUBBORN = "import os, signal, sys, time; {before}; print(os.getpid(), file=open(sys.argv[1], 'a'), flush=True); {then}"
IGNORES = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
FAMILY = f"""
import subprocess, sys, time
code = {STUBBORN.format(before=IGNORES, then="time.sleep(60)")!r}
child = [sys.executable, "-S", "-c", code, sys.argv[1]]
subprocess.Popen(child)
subprocess.Popen(child, start_new_session=True)
# Its parent ends at once, so that it is nobody's child.
subprocess.run([sys.executable, "-S", "-c", "import subprocess, sys; subprocess.Popen(sys.argv[1:])", *child])
while not __import__("os").path.exists(sys.argv[1]) or len(open(sys.argv[1]).readlines()) < 3: time.sleep(0.01)
print(__import__("os").getpid(), file=open(sys.argv[1], "a"), flush=True)
time.sleep(60)
"""
"""Writes the process ids of a child, one in another session, an orphan, and its own. Only it heeds SIGTERM."""
PARENT = """
import os, sys, threading, time
from pathlib import Path
from prefmill.generators.hosting.process import Process
command, folder = sys.argv[2:], Path(sys.argv[1])
started = threading.Thread(target=Process.start, args=("family", command, folder, dict(os.environ)))
started.start()
started.join()  # The program goes on, though the thread that started it is gone.
time.sleep(60)
"""


def lives(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    fields = launcher.fields_of(pid)
    return bool(fields) and fields[0] not in "ZX"


def until(holds: Callable[[], bool], seconds: float = 10) -> float:
    """Wait until something holds; gives the seconds that took."""
    started = time.monotonic()
    while not holds():
        assert time.monotonic() - started < seconds, "it never held"
        time.sleep(0.01)
    return time.monotonic() - started


def family(path: Path) -> list[int]:
    """The four process ids, once all are written."""
    until(lambda: path.exists() and len(path.read_text().splitlines()) == 4)
    return [int(line) for line in path.read_text().splitlines()]


def python(code: str, *arguments: object) -> list[str]:
    return [sys.executable, "-S", "-c", code, *map(str, arguments)]


def run(command: list[str], folder: Path, pass_fds: tuple[int, ...] = ()) -> Process:
    return Process.start("family", command, folder, dict(os.environ), pass_fds)


def test_stop_leaves_nothing(tmp_path: Path) -> None:
    process = run(python(FAMILY, tmp_path / "pids"), tmp_path)
    pids = family(tmp_path / "pids")
    assert process.alive()
    assert all(map(lives, pids))
    asyncio.run(process.stop(5))
    assert not any(map(lives, pids))
    assert (process.alive(), process.status()) == (False, 128 + signal.SIGTERM)
    asyncio.run(process.stop(5))  # Again: nothing happens.
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".pid"] == []


def test_sigkill_follows_the_grace(tmp_path: Path) -> None:
    process = run(python(STUBBORN.format(before=IGNORES, then="time.sleep(60)"), tmp_path / "pids"), tmp_path)
    until((tmp_path / "pids").exists)
    started = time.monotonic()
    asyncio.run(process.stop(0.3))
    assert 0.3 <= time.monotonic() - started < 5
    assert process.status() == 128 + signal.SIGKILL


def test_a_program_that_ends_takes_its_children_along(tmp_path: Path) -> None:
    process = run(python(FAMILY, tmp_path / "pids"), tmp_path)
    *children, program = family(tmp_path / "pids")
    os.kill(program, signal.SIGKILL)
    until(lambda: not process.alive())
    assert process.status() == 128 + signal.SIGKILL
    assert not any(map(lives, children))
    asyncio.run(process.stop())


def test_exit_status_and_log(tmp_path: Path) -> None:
    said = 'import sys; print("\\x1b[31mred\\x1b[0m\\n"); print("more", file=sys.stderr); sys.exit(3)'
    for _ in range(2):
        process = run(python(said), tmp_path)
        until(lambda process=process: not process.alive())  # type: ignore[misc]
        assert process.status() == 3
        assert sorted(process.said()) == ["more", "red"], "of this start only"
        asyncio.run(process.stop())
    assert process.log.read_text().count("more") == 2


def test_no_such_program(tmp_path: Path) -> None:
    with pytest.raises(EndpointError, match="there is no program 'no-such-program'"):
        run(["no-such-program"], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_cannot_be_run(tmp_path: Path) -> None:
    (broken := tmp_path / "broken").write_text("#!/no/such/interpreter\n")
    broken.chmod(0o700)
    process = run([str(broken)], tmp_path)
    until(lambda: not process.alive())
    assert process.status() == launcher.NOT_FOUND
    assert process.said() == [f"cannot run {broken}: No such file or directory"]
    asyncio.run(process.stop())


def test_descriptors_are_the_programs_alone(tmp_path: Path) -> None:
    """Whoever reads them sees the end of the program, though the launcher is still there."""
    inside, outside = os.pipe()
    process = run(python("import os, sys; os.write(int(sys.argv[1]), b'hello')", outside), tmp_path, (outside,))
    os.close(outside)
    assert (os.read(inside, 100), os.read(inside, 100)) == (b"hello", b"")
    os.close(inside)
    asyncio.run(process.stop())


def test_ctrl_c_does_not_reach_it(tmp_path: Path) -> None:
    """A terminal sends SIGINT to all of its foreground group."""
    process = run(python(FAMILY, tmp_path / "pids"), tmp_path)
    pids = family(tmp_path / "pids")
    assert {launcher.fields_of(pid)[2] for pid in pids}.isdisjoint({str(os.getpgrp())})
    asyncio.run(process.stop())


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_parent_that_dies_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path), *python(FAMILY, tmp_path / "pids")], stderr=subprocess.DEVNULL
    )
    pids = family(tmp_path / "pids")
    noted = json.loads((tmp_path / "family.pid").read_text())["pid"]
    parent.send_signal(number)
    parent.wait()
    assert until(lambda: not any(map(lives, [*pids, noted]))) < 3
    assert reap(tmp_path) == []
    assert list(tmp_path.glob("*.pid")) == []


def test_a_later_run_ends_what_parent_and_launcher_left(tmp_path: Path) -> None:
    """Only the program dies with its launcher: that is what there is to find."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path), *python(FAMILY, tmp_path / "pids")])
    *children, program = family(tmp_path / "pids")
    os.kill(json.loads((tmp_path / "family.pid").read_text())["pid"], signal.SIGKILL)
    parent.kill()
    parent.wait()
    until(lambda: not lives(program))
    assert all(map(lives, children))
    assert sorted(reap(tmp_path)) == sorted(f"family: process {pid} was still running" for pid in children)
    assert not any(map(lives, children))
    assert reap(tmp_path) == []


def test_only_what_writes_to_the_log_since_then_is_ended(tmp_path: Path) -> None:
    """Numbers of processes are given anew, and people read logs."""
    log, boot = tmp_path / "a.log", Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    waits = python("import time; time.sleep(60)")
    with log.open("a") as output, log.open() as read:
        reader = subprocess.Popen(waits, stdin=read)
        writer = subprocess.Popen(waits, stdout=output)
    try:
        started = int(launcher.fields_of(writer.pid)[19])
        for noted in [
            {"boot": boot, "pid": reader.pid, "started": started + 1000},
            {"boot": "another", "pid": writer.pid, "started": started},
        ]:
            (tmp_path / "a.pid").write_text(json.dumps(noted))
            assert reap(tmp_path) == []
        (tmp_path / "a.pid").write_text('{"boot"')
        assert reap(tmp_path) == []
        assert (reader.poll(), writer.poll(), list(tmp_path.glob("*.pid"))) == (None, None, [])
        (tmp_path / "a.pid").write_text(json.dumps({"boot": boot, "pid": 1, "started": started}))
        assert reap(tmp_path) == [f"a: process {writer.pid} was still running"]
        assert (reader.poll(), writer.wait()) == (None, -signal.SIGKILL)
    finally:
        for process in (reader, writer):
            process.kill()
            process.wait()
