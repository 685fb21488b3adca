"""Items of evaluation sets out of files as they are published, and one clear line for a file that is none."""

from __future__ import annotations

import csv
import gzip
import io
import re
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from prefmill.curation.contamination.against import Against
from prefmill.curation.contamination.published import SETS
from prefmill.schemas.errors import SourceError

LONG = "What is the sum of all the numbers from one to one hundred if every third one of them is left out of it?"
SHAPES: list[tuple[str, str, dict[str, Any], str, tuple[str, ...]]] = [
    ("mt_bench", "question.jsonl", {"question_id": 81, "category": "writing", "turns": ["One?", "Two?"]},
     "81", ("One?", "Two?")),
    ("mt_bench", "train.parquet", {"prompt": ["One?", "Two?"], "prompt_id": 7}, "7", ("One?", "Two?")),
    ("vicuna", "question.jsonl", {"question_id": 1, "text": "How?", "category": "generic"}, "1", ("How?",)),
    ("alpaca_eval", "alpaca_eval.json", {"instruction": "How?", "output": "So.", "dataset": "koala"},
     "alpaca_eval.json:1", ("How?",)),
    ("arena_hard", "question.jsonl", {"question_id": "ab", "cluster": "c", "turns": [{"content": "How?"}]},
     "ab", ("How?",)),
    ("arena_hard", "question.jsonl", {"uid": "ab", "category": "hard_prompt", "prompt": "How?"}, "ab", ("How?",)),
    ("reward_bench", "filtered.parquet", {"prompt": "How?", "chosen": "So.", "rejected": "No.", "subset": "s", "id": 3},
     "3", ("How?",)),
    ("reward_bench_2", "test.parquet", {"id": "9", "prompt": "How?", "chosen": ["So."], "rejected": ["No."]},
     "9", ("How?",)),
    ("judge_bench", "gpt.jsonl", {"pair_id": "p", "original_id": "1", "question": "How?", "response_A": "So."},
     "p", ("How?",)),
    ("rm_bench", "total_dataset.json", {"id": "x_1", "prompt": "How?", "chosen": ["So."], "domain": "chat"},
     "x_1", ("How?",)),
    ("pandalm", "testset-v1.json", {"idx": 0, "instruction": "Rewrite.", "input": "This.", "response1": "So."},
     "0", ("Rewrite.\nThis.",)),
    ("flask", "flask_evaluation.jsonl", {"question_id": 1, "text": "How?", "answer": "So."}, "1", ("How?",)),
    ("feedback_bench", "train.parquet", {"orig_instruction": "How?", "instruction": "###Task Description: …"},
     "train.parquet:1", ("How?",)),
    ("judgelm", "judgelm_val_5k.jsonl", {"question_id": 5, "question_body": "How?", "answer1_body": "So."},
     "5", ("How?",)),
    ("llmbar", "dataset.json", {"input": "How?", "output_1": "So.", "output_2": "No.", "label": 1},
     "dataset.json:1", ("How?",)),
    ("mmlu", "test.parquet", {"question": "Which is true?", "subject": "s", "choices": ["So", "No"], "answer": 1},
     "test.parquet:1", ("Which is true?\nA. So\nB. No",)),
    ("mmlu", "test.parquet", {"question": LONG, "subject": "s", "choices": ["So", "No"], "answer": 1},
     "test.parquet:1", (LONG,)),
    ("mmlu_pro", "test.parquet", {"question_id": 70, "question": "Which?", "options": ["So", "No", "Both"]},
     "70", ("Which?\nA. So\nB. No\nC. Both",)),
    ("gsm8k", "test.jsonl", {"question": "How many?", "answer": "#### 2"}, "test.jsonl:1", ("How many?",)),
    ("math", "1.json", {"problem": "Find $x$.", "level": "Level 5", "solution": "2"}, "1.json:1", ("Find $x$.",)),
    ("humaneval", "HumanEval.jsonl.gz", {"task_id": "HumanEval/0", "prompt": "def f():", "test": "assert"},
     "HumanEval/0", ("def f():",)),
    ("mbpp", "mbpp.jsonl", {"text": "Write f.", "code": "def f():", "task_id": 11}, "11", ("Write f.",)),
    ("mbpp", "sanitized-mbpp.json", {"prompt": "Write f.", "code": "def f():", "task_id": 2}, "2", ("Write f.",)),
    ("ifeval", "input_data.jsonl", {"key": 1000, "prompt": "Write, no commas.", "kwargs": [{}]},
     "1000", ("Write, no commas.",)),
    ("gpqa", "gpqa_main.csv", {"Pre-Revision Question": "Hm?", "Question": "How?\nSo, or no?", "Record ID": "rec1"},
     "rec1", ("How?\nSo, or no?",)),
    ("truthfulqa", "TruthfulQA.csv", {"Type": "Adversarial", "Question": "How?", "Best Answer": "So."},
     "TruthfulQA.csv:2", ("How?",)),
    ("truthfulqa", "validation.parquet", {"type": "Adversarial", "question": "How?", "best_answer": "So."},
     "validation.parquet:1", ("How?",)),
]  # fmt: skip


def written(path: Path, record: dict[str, Any]) -> Path:
    """The record as a file of one, laid out as its name says."""
    kind = path.name.removesuffix(".gz").rpartition(".")[2]
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist([record]), path)
        return path
    if kind == "csv":
        text = io.StringIO()
        rows = csv.writer(text)
        rows.writerows([list(record), list(record.values())])
        content = text.getvalue().encode()
    else:
        content = orjson.dumps(record if kind == "jsonl" else [record])
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: f"{shape[0]}-{shape[1]}")
def test_each_set_is_read_as_it_is_published(
    tmp_path: Path, shape: tuple[str, str, dict[str, Any], str, tuple[str, ...]]
) -> None:
    set_, name, record, id_, texts = shape
    path = written(tmp_path / name, record)
    (item,) = Against(set=set_, file=path).items()
    assert (item.set, item.id, item.texts) == (set_, id_, texts)
    assert [one.texts for one in Against(set=set_, folder=tmp_path).items()] == [texts]


def test_every_set_is_tried_here() -> None:
    assert {shape[0] for shape in SHAPES} == set(SETS)


def test_a_csv_without_a_header_where_the_set_has_none(tmp_path: Path) -> None:
    (tmp_path / "algebra_test.csv").write_text('"Which, then?",0,1,2,3,B\n"And ""this""?",4,5,6,7,A\n', "utf-8")
    items = list(Against(set="mmlu", folder=tmp_path).items())
    assert [(item.id, item.texts[0]) for item in items] == [
        ("algebra_test.csv:1", "Which, then?\nA. 0\nB. 1\nC. 2\nD. 3"),
        ("algebra_test.csv:2", 'And "this"?\nA. 4\nB. 5\nC. 6\nD. 7'),
    ]


def test_a_folder_is_read_whole_and_only_the_files_of_the_set(tmp_path: Path) -> None:
    for part, text in (("Natural", "One?"), ("Adversarial/Manual", "Two?")):
        (tmp_path / part / "evaluators").mkdir(parents=True)
        written(tmp_path / part / "dataset.json", {"input": text})
        written(tmp_path / part / "evaluators" / "result.json", {"winner": 1})
    assert [(item.id, item.texts) for item in Against(set="llmbar", folder=tmp_path).items()] == [
        ("Adversarial/Manual/dataset.json:1", ("Two?",)), ("Natural/dataset.json:1", ("One?",)),
    ]  # fmt: skip


def test_any_file_of_texts(tmp_path: Path) -> None:
    (tmp_path / "held-out.txt").write_text("\ufeffOne?\n\nTwo?\r\n", "utf-8")
    items = list(Against(file=Path("held-out.txt")).at(tmp_path).items())
    assert [(item.set, item.id, item.texts[0].strip()) for item in items] == [
        ("held-out", "held-out.txt:1", "One?"), ("held-out", "held-out.txt:3", "Two?"),
    ]  # fmt: skip
    chat = {"id": "c", "messages": [{"role": "user", "content": "One?"}, {"role": "assistant", "content": "So."}]}
    path = written(tmp_path / "chats.jsonl", chat)
    assert [item.texts for item in Against(file=path).items()] == [("One?",)]
    path = written(tmp_path / "mine.jsonl", {"task": "Sum up.", "context": "A text.", "prompt": "no"})
    (item,) = Against(file=path, fields=("task", "context"), name="ours").items()
    assert (item.set, item.texts) == ("ours", ("Sum up.\nA text.",))
    path = written(tmp_path / "mine.jsonl", {"prompt": "One?"}).rename(tmp_path / "lines")
    assert [item.texts for item in Against(file=path, format="jsonl").items()] == [("One?",)]


@pytest.mark.parametrize(
    ("name", "content", "wrong"),
    [
        ("a.jsonl", b'{"prompt": "x"}\n{"ask": "y", "say": "z"}\n',
         "{path}:2: none of the fields instruction, prompt, .* [(]got ask, say[)]. Next: name those"),
        ("a.jsonl", b'{"prompt": "x"}\n{"prompt": \n', "{path}:2: not JSON [(].*[)]"),
        ("a.jsonl", b'"x"\n', "{path}:1: expected an object [(]got str[)]"),
        ("a.json", b'{"prompt": "x"}\n{"prompt": "y"}\n', "{path}: not JSON .* Next: format: jsonl"),
        ("a.jsonl", b"", "{path}: no items"),
        ("a.jsonl", b'{"prompt": null}\n{"prompt": " "}', "{path}: no items"),
        ("a.csv", b"prompt,id\nx,1,2\n", "{path}:2: 3 cells where 2 are expected"),
        ("a.csv", b'prompt\n"x\n', "{path}:2: not CSV"),
        ("a.csv", b"prompt\n\xff\n", "{path}: not UTF-8 [(].* at byte 7[)]"),
        ("a.parquet", b"PAR1", "{path}: not a readable Parquet file"),
        ("a.jsonl.gz", b"\x1f\x8b\x08", "{path}: damaged gzip file"),
        ("a.xlsx", b"", "{path}: its name does not tell what it holds. Next: add format: one of jsonl, json, csv"),
    ],
)  # fmt: skip
def test_one_line_for_a_file_that_is_no_evaluation_set(tmp_path: Path, name: str, content: bytes, wrong: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SourceError, match=wrong.replace("{path}", re.escape(str(path)))) as caught:
        list(Against(file=path).items())
    assert "\n" not in str(caught.value)


def test_one_line_for_a_place_where_nothing_is(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"nowhere\.jsonl: no such file\. A relative path is looked up from"):
        list(Against(file=tmp_path / "nowhere.jsonl").items())
    with pytest.raises(SourceError, match=r"is a folder, not a file\. Next: folder:"):
        list(Against(file=tmp_path, format="json").items())
    with pytest.raises(SourceError, match="no such folder"):
        list(Against(set="math", folder=tmp_path / "nowhere").items())
    with pytest.raises(SourceError, match=r"no files of the set in it\. Known: \*\*/dataset\.json"):
        list(Against(set="llmbar", folder=tmp_path).items())


def test_one_line_for_a_wrong_entry() -> None:
    with pytest.raises(ValidationError, match=r"no set called 'mtbench'\. Known: .* Did you mean 'mt_bench'\?"):
        Against.model_validate({"set": "mtbench", "file": "question.jsonl"})
    for wrong in ({"set": "mt_bench"}, {"file": "a", "folder": "b"}):
        with pytest.raises(ValidationError, match="give either file or folder"):
            Against.model_validate(wrong)
