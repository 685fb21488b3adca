"""Data sets saved in a folder, and what is said where the Hub cannot be reached."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset, DatasetDict, Features, List, NamedSplit, Value

from prefmill.generators.sources import Fields
from prefmill.generators.sources.hub import Hub
from prefmill.schemas.errors import SourceError
from prefmill.schemas.rows import Task

CHAT = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
ROWS: list[dict[str, Any]] = [
    {"id": 1, "messages": CHAT, "extra": [1, 2]},
    {"id": 2, "messages": CHAT[:1], "extra": None},
]


def contents(source: Hub) -> list[tuple[str | None, str, str, int | None]]:
    rows = [row for row in source.tasks() if isinstance(row, Task)]
    return [(row.source_id, row.instruction, row.source, row.line) for row in rows]


def test_a_saved_data_set(tmp_path: Path) -> None:
    Dataset.from_list(ROWS).save_to_disk(str(tmp_path / "saved"))
    source = Hub(name="saved").at(tmp_path)
    assert source.where() == str(tmp_path / "saved")
    assert contents(source) == [("1", "Hi", "saved:train", 1), ("2", "Hi", "saved:train", 2)]


def test_one_split_of_several(tmp_path: Path) -> None:
    splits = {"train": Dataset.from_list(ROWS), "test": Dataset.from_list(ROWS[1:])}
    DatasetDict(splits).save_to_disk(str(tmp_path / "saved"))
    assert contents(Hub(name="./saved", split="test").at(tmp_path)) == [("2", "Hi", "saved:test", 1)]
    with pytest.raises(SourceError, match=r"split: no split 'tset'. Known: test, train. Did you mean 'test'\?"):
        contents(Hub(name="saved", split="tset").at(tmp_path))


def test_a_saved_split_of_another_name(tmp_path: Path) -> None:
    Dataset.from_list(ROWS, split=NamedSplit("test")).save_to_disk(str(tmp_path / "saved"))
    with pytest.raises(SourceError, match=r"split: holds split 'test' alone \(got 'train'\)"):
        contents(Hub(name="saved").at(tmp_path))
    assert len(contents(Hub(name="saved", split="test").at(tmp_path))) == 2


def test_chats_kept_as_columns_of_lists(tmp_path: Path) -> None:
    turn = {"role": Value("string"), "content": Value("string")}
    columns = {name: [[message[name] for message in row["messages"]] for row in ROWS] for name in turn}
    rows = [{"id": index, "messages": {name: columns[name][index] for name in turn}} for index in range(len(ROWS))]
    features = Features({"id": Value("int64"), "messages": {name: List(feature) for name, feature in turn.items()}})
    Dataset.from_list(rows, features=features).save_to_disk(str(tmp_path / "saved"))
    assert [instruction for _, instruction, _, _ in contents(Hub(name="saved").at(tmp_path))] == ["Hi", "Hi"]


def test_columns_are_checked(tmp_path: Path) -> None:
    Dataset.from_list(ROWS).save_to_disk(str(tmp_path / "saved"))
    with pytest.raises(SourceError, match=r"fields.messages: no column 'message'. .* Did you mean 'messages'\?"):
        contents(Hub(name="saved", fields=Fields(messages="message")).at(tmp_path))


def test_folders_that_are_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such folder"):
        Hub(name="./none").at(tmp_path).check()
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="cannot be loaded") as raised:
        contents(Hub(name="empty").at(tmp_path))
    assert "\n" not in str(raised.value)


def test_a_name_that_is_no_folder_stays_a_name(tmp_path: Path) -> None:
    source = Hub(name="owner/name", config="easy")
    assert source.at(tmp_path) == source
    assert source.label == "owner/name:easy:train"
    source.check()


def test_offline_is_one_line(tmp_path: Path) -> None:
    program = (
        "from prefmill.generators.sources.hub import Hub\n"
        "from prefmill.schemas.errors import SourceError\n"
        "try:\n    list(Hub(name='owner/name').tasks())\n"
        "except SourceError as error:\n    print(error)\n"
    )
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True, timeout=60
    )
    assert done.stdout.startswith("owner/name: cannot be loaded (")
    assert done.stdout.count("\n") == 1


def test_datasets_is_imported_only_when_used() -> None:
    program = "import sys, prefmill.generators.sources.hub; sys.exit('datasets' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
