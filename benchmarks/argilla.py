"""How quick the embedded Argilla server is with a large data set: its start, a push through the desk, the web requests.

    python benchmarks/argilla.py [--records 10000] [--repeats 40]

A server is started on a home directory of its own and one annotator gets all records: a question of 30 words, two
answers of 130, metadata, a vector of 256 numbers, and what the teachers said as a suggestion. Words are drawn from
20,000 made-up ones by Zipf's law. The requests are those of Argilla's annotation page, one after the other, on one
connection: ten records with their responses and suggestions; no two ask for the same.
"Server CPU" is what the server's process used meanwhile: on a busy machine it says more than the time does.
"""

from __future__ import annotations

import argparse
import os
import random
import socket
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import requests

from prefmill.curation.desks import Batch, Record
from prefmill.curation.desks.argilla import Argilla
from prefmill.pipelines.embedded_argilla.server import down, status, up
from prefmill.pipelines.embedded_argilla.upkeep import users
from prefmill.schemas.rows import Message

QUESTION, ANSWER, NUMBERS = 30, 130, 256
CATEGORIES = ("code", "maths", "poetry", "recipes", "travel")
PUSH_S, MEMORY_MB, SEARCH_MS, SIMILAR_MS = 60, 450, 60, 150
"""What is wanted at 10,000 records."""
SYLLABLES = [first + second for first in "bdfgklmnprst" for second in "aeiou"]


class Words:
    """Texts of made-up words, the same for a seed."""

    def __init__(self, seed: int, size: int = 20_000) -> None:
        self.draw = random.Random(seed)
        found: dict[str, None] = {}
        while len(found) < size:
            found["".join(self.draw.choices(SYLLABLES, k=self.draw.randint(1, 4)))] = None
        self.known = sorted(found, key=len)
        self._weights = list(accumulate(1 / (rank + 2.7) for rank in range(1, size + 1)))

    def text(self, length: int) -> str:
        """So many words."""
        return " ".join(self.draw.choices(self.known, cum_weights=self._weights, k=length))


@dataclass(frozen=True)
class Server:
    """A server that runs, and requests to it as one user."""

    pid: int
    url: str
    session: requests.Session

    def __call__(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        """The JSON of the reply."""
        reply = self.session.request(method, f"{self.url}/api/v1{path}", json=body, timeout=60)
        reply.raise_for_status()
        return reply.json()

    def cpu_s(self) -> float:
        """Seconds that its process has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self, line: str) -> float:
        """`VmRSS` now, or `VmHWM`, the most so far."""
        text = Path(f"/proc/{self.pid}/status").read_text()
        return int(text.partition(f"{line}:")[2].split()[0]) / 1024


def made(count: int, seed: int = 6) -> list[Record]:
    """The records; each has one word that no other has."""
    words, numbers = Words(seed), np.random.default_rng(seed)
    vectors = numbers.normal(size=(count, NUMBERS))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return [
        Record(
            record_id=f"r{place}",
            annotator="ann",
            messages=(Message(role="user", content=f"{words.text(QUESTION)} only{place}?"),),
            a=words.text(ANSWER),
            b=words.text(ANSWER),
            teacher="AB"[place % 2],  # type: ignore[arg-type]
            certainty=0.5 + place % 50 / 100,
            metadata={"category": CATEGORIES[place % len(CATEGORIES)], "words": 100 + place % 97},
            vector=tuple(vectors[place].tolist()),
        )
        for place in range(count)
    ]


def requests_of(server: Server, dataset: str, records: Sequence[Record]) -> dict[str, tuple[Callable[[int], Any], int]]:
    """Name -> a request for each number, and how many milliseconds it may take."""
    page = f"/me/datasets/{dataset}/records/search?include=responses&include=suggestions&offset=0&limit=10"
    stored = [found["record"] for found in server("POST", page.replace("limit=10", "limit=1000"), {})["items"]]
    (vectors,) = server("GET", f"/datasets/{dataset}/vectors-settings")["items"]
    common = Words(6).known

    def find(**asked: object) -> Any:  # noqa: ANN401 - JSON
        return server("POST", page, asked)

    def text(words: str) -> Any:  # noqa: ANN401 - JSON
        return find(query={"text": {"q": words}})

    def phrase(number: int) -> Any:  # noqa: ANN401 - JSON
        return text('"' + " ".join(records[number * 7].a.split()[10:13]) + '"')

    def filtered(number: int) -> Any:  # noqa: ANN401 - JSON
        category = {"entity": "metadata", "metadata_property": "category"}
        length = {"entity": "metadata", "metadata_property": "words"}
        names = [CATEGORIES[number % len(CATEGORIES)]]
        both = [{"type": "terms", "scope": category, "values": names}, {"type": "range", "scope": length, "ge": number}]
        return find(filters={"and": both})

    def ordered(number: int) -> Any:  # noqa: ANN401 - JSON
        scope = {"entity": "metadata", "metadata_property": "words"}
        return find(sort=[{"scope": scope, "order": ("asc", "desc")[number % 2]}])

    def similar(number: int) -> Any:  # noqa: ANN401 - JSON
        return find(query={"vector": {"name": vectors["name"], "record_id": stored[number * 11]["id"]}})

    def answer(number: int) -> Any:  # noqa: ANN401 - JSON
        body = {"values": {"choice": {"value": "A"}}, "status": "submitted"}
        return server("POST", f"/records/{stored[number]['id']}/responses", body)

    return {
        "search: a word of one record": (lambda number: text(f"only{number * 13}"), SEARCH_MS),
        "search: a word of most records": (lambda number: text(common[number]), SEARCH_MS),
        "search: three words in a row": (phrase, SEARCH_MS),
        "filter: a category and a range": (filtered, SEARCH_MS),
        "sort by a number": (ordered, SEARCH_MS),
        "find similar": (similar, SIMILAR_MS),
        "progress": (lambda number: server("GET", f"/datasets/{dataset}/progress"), SEARCH_MS),
        "one response": (answer, 0),
    }


def timed(server: Server, job: Callable[[], Any]) -> tuple[float, float, Any]:
    """Seconds, the server's CPU seconds, and what the job gave."""
    begun, before = time.perf_counter(), server.cpu_s()
    given = job()
    return time.perf_counter() - begun, server.cpu_s() - before, given


def row(name: str, figure: str, cpu: str = "", wanted: str = "", held: bool = True) -> None:
    """A line of the table."""
    print(f"| {name} | {figure} | {wanted and ('' if held else '**missed** ') + wanted} | {cpu} |", flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=40)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="prefmill-argilla-") as folder:
        home = Path(folder) / "home"
        try:
            table(home, made(options.records), options.repeats)
        finally:
            down(home)


def table(home: Path, records: Sequence[Record], repeats: int) -> None:
    """Start, push and ask."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    up(home, lambda line: None, port=port, annotators=["ann"])
    down(home)  # The first start makes the database and the users, and may build the environment.
    begun = time.perf_counter()
    now = up(home, lambda line: None, port=port)
    started = time.perf_counter() - begun
    assert now.pid is not None and now.url is not None
    keys = {user.name: user.api_key for user in users(home)}
    os.environ["ARGILLA_API_KEY"] = keys["owner"]
    session = requests.Session()
    session.headers["X-Argilla-Api-Key"] = keys["ann"]
    server = Server(now.pid, now.url, session)
    print("| what | figure | wanted | server CPU |\n|---|--:|--:|--:|")
    row("start, until it answers", f"{started:.1f} s", f"{server.cpu_s():.1f} s")
    batch = Batch(run="benchmark", guidelines="Which is better?", records=tuple(records))
    desk = Argilla(url=now.url)
    seconds, cpu, offered = timed(server, lambda: desk.offer(batch, home, lambda done: None))
    rate = f"{seconds:.1f} s, {len(records) / seconds:.0f} a second"
    row(f"push of {len(records):,} records", rate, f"{cpu:.1f} s", f"{PUSH_S} s", seconds <= PUSH_S)
    memory = server.memory_mb("VmRSS")
    row("memory after the push", f"{memory:.0f} MB", "", f"{MEMORY_MB} MB", memory <= MEMORY_MB)
    dataset = offered.where[0].split("/")[4]
    for name, (ask, most) in requests_of(server, dataset, records).items():
        ask(repeats)
        took = [timed(server, partial(ask, number)) for number in range(repeats)]
        middle, last = 1000 * median(one[0] for one in took), 1000 * sorted(one[0] for one in took)[-repeats // 20]
        cpu = 1000 * sum(one[1] for one in took) / repeats
        wanted = f"{most} ms" if most else ""
        row(name, f"{middle:.0f} ms (95 %: {last:.0f})", f"{cpu:.0f} ms", wanted, middle <= most)
    row("memory at the end", f"{server.memory_mb('VmRSS'):.0f} MB, at most {server.memory_mb('VmHWM'):.0f}")
    for path in sorted(home.glob("*.db")):
        row(path.name, f"{path.stat().st_size / 1e6:.0f} MB")
    assert status(home).ready


if __name__ == "__main__":
    main()
