"""`prefmill curate`, and filters as `list` and `show` tell of them, at the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from prefmill.cli import main
from prefmill.schemas.plugins import names

GOLDEN = Path(__file__).parent / "golden"
Ended = tuple[int, str, str]


def prefmill(capsys: pytest.CaptureFixture[str], *arguments: object) -> Ended:
    """Exit code, stdout and stderr."""
    with pytest.raises(SystemExit) as ended:
        main(list(map(str, arguments)))
    said = capsys.readouterr()
    code = ended.value.code
    assert isinstance(code, int)
    return code, said.out, said.err


@pytest.fixture(name="mine")
def _mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.jsonl"
    texts = ("Why is the sky blue in summer?", "why is the SKY blue, in summer", "Hi", "How do bees fly at all?")
    path.write_text("".join(json.dumps({"instruction": text, "n": n}) + "\n" for n, text in enumerate(texts)))
    return path


def test_it_counts_what_each_filter_kept(mine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("--tasks", "--filter", "task_length: min_words=2, max_words=100", "--filter", "exact_duplicates")
    code, table, complaint = prefmill(capsys, "curate", mine, tmp_path / "out.jsonl", *asked)
    assert (code, complaint) == (0, "")
    rows = [[cell.strip() for cell in line.split("   ") if cell.strip()] for line in table.splitlines()]
    assert ["task_length", "each task", "4", "3", "1", "0", "0"] in rows
    assert ["exact_duplicates", "all tasks", "3", "2", "1", "0", "0"] in rows
    assert "4 tasks: 2 kept, 2 dropped\n" in table
    assert [json.loads(line)["n"] for line in (tmp_path / "out.jsonl").read_text().splitlines()] == [0, 3]
    code, said, _ = prefmill(capsys, "curate", mine, tmp_path / "again.jsonl", *asked, "--json")
    told = json.loads(said)
    assert (code, told["in"], told["kept"], told["dropped"]) == (0, 4, 2, {"exact_duplicates": 1, "task_length": 1})
    for one in told["filters"]:
        assert one["in"] == one["kept"] + one["dropped"]
    assert told["written"] == {str(tmp_path / "again.jsonl"): 2}
    assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "out.jsonl").read_bytes()


def test_filters_come_from_a_recipe_a_file_and_options(
    mine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "filters.yaml").write_text("- {filter: task_length, max_words: 6}\n- exact_duplicates\n")
    (tmp_path / "recipe.yaml").write_text(
        "name: r\ntasks: {source: jsonl, path: mine.jsonl, fields: {instruction: question}}\n"
        "answers: [{provider: simulated, model: sim-oak-70b}, {provider: simulated, model: sim-pine-7b}]\n"
        "judge: {judge: judgelm, teachers: [{provider: simulated, model: sim-teacher-strong}]}\n"
        "filters: [{filter: task_length, min_words: 2}]\n"
    )
    mine.write_text(mine.read_text().replace('"instruction"', '"question"'))
    code, said, complaint = prefmill(
        capsys, "curate", mine, tmp_path / "out.jsonl", "--tasks", "--json", "--recipe", tmp_path / "recipe.yaml",
        "--filter", tmp_path / "filters.yaml", "--filter", "task_length:min_chars=3",
    )  # fmt: skip
    assert (code, complaint) == (0, "")
    told = json.loads(said)
    assert [one["filter"] for one in told["filters"]] == [
        "task_length", "task_length", "exact_duplicates", "task_length",
    ]  # fmt: skip
    assert (told["in"], told["kept"]) == (4, 1)


def test_values_are_yaml(mine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "held.jsonl").write_text(json.dumps({"instruction": "Why is the sky blue in summer?"}) + "\n")
    code, said, complaint = prefmill(
        capsys, "curate", mine, tmp_path / "out.jsonl", "--tasks", "--json",
        "--filter", f"decontaminate:against=[{{file: {tmp_path / 'held.jsonl'}}}]",
    )  # fmt: skip
    assert (code, complaint) == (0, "")
    assert json.loads(said)["dropped"]["decontaminate"] >= 1


@pytest.mark.parametrize(
    ("arguments", "complaints"),
    [
        (
            ("--filter", "refusal"),
            ["prefmill curate: --filter refusal: no filter named 'refusal'. Known: ", "'refusals'?"],
        ),
        (("--filter", "refusals:longst=3"), ["--filter refusals.longst: ", "Did you mean 'longest'?"]),
        (("--filter", "refusals:longest=many"), ["--filter refusals.longest: a whole number (got "]),
        (("--filter", "refusals:longest"), ["--filter refusals: parameters are key=value"]),
        (("--filter", "refusals:longest=1,longest=2"), ["--filter refusals.longest: stands here twice"]),
        (("--filter", "refusals:patterns=[a"), ["--filter refusals.patterns:1:", "YAML: "]),
        (("--filter", "nowhere.yaml"), ["nowhere.yaml: no such file"]),
        ((), ["no filter is named. Give --filter NAME"]),
    ],
)
def test_mistakes_are_one_line_with_what_is_known(
    arguments: tuple[str, ...], complaints: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    same = ("curate", GOLDEN / "preference", tmp_path / "out", "--format", "preference")
    code, out, complaint = prefmill(capsys, *same, *arguments)
    assert (code, out, complaint.count("\n")) == (2, "", 1)
    for part in complaints:
        assert part in complaint
    assert not (tmp_path / "out").exists()


def test_all_mistakes_are_told_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "filters.yaml").write_text("- refusal\n- {filter: refusals, longst: 3}\n")
    same = ("curate", GOLDEN / "preference", tmp_path / "out", "--format", "preference")
    code, _, complaint = prefmill(capsys, *same, "--filter", "x", "--filter", tmp_path / "filters.yaml")
    assert (code, complaint.count("\n")) == (2, 3)
    assert f"{tmp_path}/filters.yaml: [1].longst: " in complaint
    (tmp_path / "filters.yaml").write_text("filters: [refusals]\n")
    code, _, complaint = prefmill(capsys, *same, "--filter", tmp_path / "filters.yaml")
    assert (code, complaint) == (
        2,
        f"{tmp_path}/filters.yaml: a list of filters, as under `filters` in a recipe. For the filters of a recipe, "
        "give --recipe.\n",
    )


@pytest.mark.parametrize("rows", [(), ("--tasks", "--format", "preference")])
def test_what_the_rows_are_has_to_be_said(
    rows: tuple[str, ...], mine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, complaint = prefmill(capsys, "curate", mine, tmp_path / "out.jsonl", "--filter", "refusals", *rows)
    assert code == 2 and complaint.startswith("say what the rows are: --format FORMAT, or --tasks.")


def test_a_curation_without_a_row_fails(mine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.jsonl"
    code, _, complaint = prefmill(capsys, "curate", mine, out, "--tasks", "--filter", "task_length:min_words=99")
    assert (code, complaint) == (2, f"{out}: no row came through\n")
    assert len((tmp_path / "out.jsonl.dropped.jsonl").read_text().splitlines()) == 4


def test_list_and_show_say_when_a_filter_acts(capsys: pytest.CaptureFixture[str]) -> None:
    code, said, _ = prefmill(capsys, "list", "filter")
    assert code == 0
    acting = {line.split("  ")[1]: line for line in said.splitlines()[1:]}
    assert list(acting) == [
        "each task", "all tasks", "each answer", "all answers to a task", "each verdict", "each graded answer",
        "all that would be published",
    ]  # fmt: skip
    listed = [name for line in acting.values() for name in line.strip().rpartition("  ")[2].split(", ")]
    assert sorted(listed) == names("filter")
    for name, words in (("near_duplicates", "all tasks"), ("duplicate_answers", "all answers to a task")):
        assert name in acting[words]
        assert f"acts on {words}\n" in prefmill(capsys, "show", "filter", name)[1]
    assert "acts on" not in prefmill(capsys, "show", "format", "preference")[1]
