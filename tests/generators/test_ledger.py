"""The ledger: what was acknowledged is on disk, whatever happens to the process or the disk afterwards."""

from __future__ import annotations

import asyncio
import hashlib
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from prefmill.generators.ledger import Attempt, Call, Ledger, Sieve, Totals
from prefmill.schemas.errors import RunDirectoryError

CALL = Call(
    key="k0",
    stage="answers",
    model="m",
    task_id="t",
    sample=0,
    request='{"model":"m"}',
    status="ok",
    text="Fine. ☀ \x00 end",
    finish_reason="stop",
    prompt_tokens=7,
    completion_tokens=3,
    cost_usd=0.25,
    attempts=2,
    latency_s=0.5,
    created_s=1700000000.25,
)


def call(number: int, **changes: object) -> Call:
    return replace(CALL, key=f"k{number}", **changes)  # type: ignore[arg-type]


async def record(ledger: Ledger, *calls: Call) -> None:
    await asyncio.gather(*(ledger.record(one) for one in calls))


def test_a_call_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    odd = call(1, finish_reason=None, cost_usd=None, status="timeout", text="")
    with Ledger.open(path) as ledger:
        asyncio.run(record(ledger, CALL, odd))
        assert (ledger.get("k0"), ledger.get("k1"), ledger.get("k2")) == (CALL, odd, None)
    with Ledger.open(path) as ledger:
        assert (ledger.get("k0"), ledger.get("k1"), ledger.get("k2")) == (CALL, odd, None)


def test_an_older_ledger_is_completed_when_it_is_opened(tmp_path: Path) -> None:
    """Its calls stay as they are, a second opening changes nothing, and new calls keep what the column is for."""
    path = tmp_path / "ledger.sqlite"
    with Ledger.open(path) as ledger:
        asyncio.run(record(ledger, CALL))
    with sqlite3.connect(path) as old:
        old.execute("ALTER TABLE calls DROP COLUMN probabilities")
    old.close()
    weighed = call(1, probabilities=b"\x00packed")
    with Ledger.open(path) as ledger:
        assert ledger.get("k0") == CALL
        asyncio.run(record(ledger, weighed))
    with Ledger.open(path) as ledger:
        assert (ledger.get("k0"), ledger.get("k1")) == (CALL, weighed)
        assert ledger.of_task("t") == [CALL, weighed]


def test_a_call_can_be_read_as_soon_as_it_is_recorded(tmp_path: Path) -> None:
    async def write(ledger: Ledger) -> None:
        for number in range(20):
            await ledger.record(call(number))
            assert ledger.get(f"k{number}") is not None

    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        asyncio.run(write(ledger))


def commits(path: Path) -> int:
    """Transactions in the write-ahead log: frames that end one (https://www.sqlite.org/fileformat2.html#walformat)."""
    log = path.with_name(path.name + "-wal").read_bytes()
    frame = 24 + int.from_bytes(log[8:12], "big")
    return sum(log[start + 4 : start + 8] != bytes(4) for start in range(32, len(log) - frame + 1, frame))


def test_calls_that_come_together_share_commits(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with Ledger.open(path) as ledger:
        before = commits(path)
        asyncio.run(record(ledger, *(call(number) for number in range(500))))
        together = commits(path) - before
        for number in range(500, 550):
            asyncio.run(record(ledger, call(number)))
        alone = commits(path) - before - together
        assert sum(row.calls for row in ledger.totals()) == 550
    assert alone == 50
    assert 1 <= together < 100


def test_the_log_begins_anew_while_calls_keep_coming(tmp_path: Path) -> None:
    """It is moved into the database beside them: its size is bounded, and no call is lost or left waiting."""
    path = tmp_path / "ledger.sqlite"
    rounds, width, log = 40, 200, path.with_name(path.name + "-wal")
    text = "x" * 2000

    async def write(ledger: Ledger, number: int) -> None:
        for turn in range(rounds):
            await ledger.record(call(turn * width + number, text=text))

    async def everyone(ledger: Ledger) -> None:
        await asyncio.gather(*(write(ledger, number) for number in range(width)))

    with Ledger.open(path) as ledger:
        asyncio.run(everyone(ledger))
        assert log.stat().st_size < rounds * width * len(text) / 2
        assert all(ledger.get(f"k{number}") for number in range(rounds * width))
    assert not log.exists()


def test_the_sieve_passes_every_key_that_was_added_and_few_others() -> None:
    keys = [hashlib.blake2b(str(number).encode(), digest_size=16).hexdigest() for number in range(200_000)]
    added, others = keys[:100_000], keys[100_000:]
    sieve = Sieve(added)
    assert all(key in sieve for key in added)
    assert sum(key in sieve for key in others) < 1000


def test_totals_count_for_each_stage_and_model(tmp_path: Path) -> None:
    calls = [
        call(0),
        call(1, status="timeout", text="late", attempts=5, prompt_tokens=0, completion_tokens=0, cost_usd=0.0),
        call(2, model="free", cost_usd=None),
        call(3, stage="judgments"),
    ]
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        assert ledger.totals() == []
        asyncio.run(record(ledger, *calls))
        assert ledger.totals() == [
            Totals("answers", "free", 1, 0, 2, 7, 3, None),
            Totals("answers", "m", 2, 1, 7, 7, 3, 0.25),
            Totals("judgments", "m", 1, 0, 2, 7, 3, 0.25),
        ]


def test_failures_can_be_forgotten(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        asyncio.run(record(ledger, call(0), call(1, status="timeout"), call(2, status="rejected")))
        assert ledger.forget_failures() == 2
        assert [ledger.get(f"k{number}") is not None for number in range(3)] == [True, False, False]


def test_the_calls_of_a_task_come_oldest_first(tmp_path: Path) -> None:
    calls = [call(0, created_s=3.0), call(1, created_s=1.0), call(2, created_s=2.0, task_id="other")]
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        asyncio.run(record(ledger, *calls))
        assert [row.key for row in ledger.of_task("t")] == ["k1", "k0"]


def test_failed_attempts_are_noted_by_the_time_it_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"

    async def note(ledger: Ledger) -> None:
        for number in range(2500):
            ledger.note(Attempt("k0", number, "timeout", "no reply", 1.5))

    with Ledger.open(path) as ledger:
        asyncio.run(note(ledger))
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT * FROM attempts ORDER BY attempt").fetchall()
    connection.close()
    assert rows == [("k0", number, "timeout", "no reply", 1.5) for number in range(2500)]


def test_a_caller_that_has_gone_does_not_stop_the_others(tmp_path: Path) -> None:
    """A run is stopped while its last calls are being committed: they are kept."""

    async def leave(ledger: Ledger) -> None:
        tasks = [asyncio.create_task(ledger.record(call(number))) for number in range(300)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()

    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        asyncio.run(leave(ledger))
        asyncio.run(record(ledger, call(300)))
        assert sum(row.calls for row in ledger.totals()) == 301


KILLED = """
    import asyncio, os, signal, sys
    from dataclasses import replace
    from pathlib import Path
    from prefmill.generators.ledger import Call, Ledger

    CALL = Call("", "answers", "m", "t", 0, "{}", "ok", "x" * 500, "stop", 7, 3, None, 1, 0.5, 1.5)

    async def write(ledger):
        async def one(number):
            await ledger.record(replace(CALL, key=f"k{number}"))
            os.write(1, f"k{number}\\n".encode())
            if number == 700:
                os.kill(os.getpid(), signal.SIGKILL)
        for first in range(0, 2000, 50):
            await asyncio.gather(*(one(number) for number in range(first, first + 50)))

    with Ledger.open(Path(sys.argv[1])) as ledger:
        asyncio.run(write(ledger))
"""


def test_what_was_recorded_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    program = [sys.executable, "-c", textwrap.dedent(KILLED), str(path)]
    killed = subprocess.run(program, capture_output=True, text=True, check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    acknowledged = killed.stdout.split()
    assert 650 < len(acknowledged) <= 750
    with Ledger.open(path) as ledger:
        missing = [key for key in acknowledged if ledger.get(key) is None]
        assert missing == []
        assert sum(row.calls for row in ledger.totals()) >= len(acknowledged)


def _room(size: int) -> None:
    """Files of this process may not grow beyond `size` bytes, and an attempt is an error, not a signal."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


FULL = """
    import asyncio, os, sys
    from dataclasses import replace
    from pathlib import Path
    from prefmill.generators.ledger import Call, Ledger
    from prefmill.schemas.errors import RunDirectoryError

    CALL = Call("", "answers", "m", "t", 0, "{}", "ok", "x" * 5000, "stop", 7, 3, None, 1, 0.5, 1.5)

    async def write(ledger):
        for number in range(2000):
            await ledger.record(replace(CALL, key=f"k{number}"))
            os.write(1, f"k{number}\\n".encode())

    try:
        with Ledger.open(Path(sys.argv[1])) as ledger:
            asyncio.run(write(ledger))
    except RunDirectoryError as error:
        sys.exit(str(error))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_FSIZE as Linux has it")
def test_a_full_disk_is_one_line_and_the_run_goes_on_later(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    program = [sys.executable, "-c", textwrap.dedent(FULL), str(path)]
    full = subprocess.run(
        program, capture_output=True, text=True, check=False, timeout=60, preexec_fn=lambda: _room(1_000_000)
    )
    assert full.returncode == 1
    (line,) = full.stderr.splitlines()
    assert line.startswith(f"{path}: ")
    assert "make space" in line
    acknowledged = full.stdout.split()
    assert 20 < len(acknowledged) < 2000
    with Ledger.open(path) as ledger:
        assert [key for key in acknowledged if ledger.get(key) is None] == []
        asyncio.run(record(ledger, call(5000)))
        assert ledger.get("k5000") is not None


@pytest.mark.parametrize("what", ["folder", "text"])
def test_what_is_no_ledger_is_one_line(tmp_path: Path, what: str) -> None:
    path = tmp_path / "ledger.sqlite"
    if what == "folder":
        path.mkdir()
    else:
        path.write_bytes(b"This is a text file, and quite a long one at that. " * 100)
    with pytest.raises(RunDirectoryError, match="Is it a run's ledger") as caught:
        Ledger(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_ledger_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with Ledger.open(path):
        pass
    path.chmod(0o400)
    with pytest.raises(RunDirectoryError, match=r"ledger\.sqlite: "):
        Ledger(path)


def test_a_row_that_no_file_can_hold_is_refused_and_hangs_nobody(tmp_path: Path) -> None:
    """The writer thread outlives it: whoever records next is answered."""

    async def write(ledger: Ledger) -> None:
        for bad in (call(0, text="half \ud83d"), call(1, prompt_tokens=2**70), call(2, text=["a"])):
            with pytest.raises(RunDirectoryError):
                await asyncio.wait_for(ledger.record(bad), 5)
        await asyncio.wait_for(ledger.record(call(3)), 5)

    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        asyncio.run(write(ledger))
        assert ledger.get("k3") == call(3)
