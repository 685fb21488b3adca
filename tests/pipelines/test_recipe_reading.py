"""Every mistake in a recipe is one line that a person can act on."""

import json
import re
from pathlib import Path

import pytest
import yaml

from prefmill.pipelines import recipe_file
from prefmill.pipelines.recipe import Recipe, as_plain, as_yaml
from prefmill.pipelines.recipe_reading import formats_named, read_recipe
from prefmill.schemas.errors import RecipeError

OAK, PINE = "{provider: simulated, model: sim-oak-70b}", "{provider: simulated, model: sim-pine-7b}"
TEACHERS = "teachers: [{provider: simulated, model: sim-teacher-strong}]"
GOOD = {
    "name": "name: good",
    "tasks": "tasks: {source: jsonl, path: tasks.jsonl}",
    "answers": f"answers: [{OAK}, {PINE}]",
    "judge": f"judge: {{judge: judgelm, {TEACHERS}}}",
}


def recipe_text(**changed: str) -> str:
    """A recipe without mistakes, with whole top-level entries replaced, added or (empty) left out."""
    return "\n".join(text for text in {**GOOD, **changed}.values() if text) + "\n"


def mistakes(folder: Path, text: str | bytes, name: str = "r.yaml") -> list[str]:
    """The lines about a recipe, without the file's name in front."""
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(RecipeError) as caught:
        read_recipe(path)
    for line in caught.value.lines:
        assert line.startswith(f"{path}:"), line
        assert "\n" not in line
        assert line[-1] in ".?", line
        for jargon in ("Input should", "literal[", "type=", "Value error", "BaseModel", "tuple"):
            assert jargon not in line
    return [line.removeprefix(f"{path}:").removeprefix(" ") for line in caught.value.lines]


def fits(expected: str, line: str) -> bool:
    """Whether a line is as expected, where `*` stands for anything."""
    return re.fullmatch(re.escape(expected).replace(r"\*", ".*"), line) is not None


def read(folder: Path, text: str) -> Recipe:
    (folder / "r.yaml").write_text(text)
    return read_recipe(folder / "r.yaml")


def answering(entry: str) -> dict[str, str]:
    return {"answers": f"answers: [{OAK}, {{provider: openai, base_url: 'http://h/v1', {entry}}}]"}


def judging(entry: str) -> dict[str, str]:
    return {"judge": f"judge: {{judge: judgelm, {entry}}}"}


CASES: list[tuple[dict[str, str], str]] = [
    # the outline
    ({"name": ""}, "name: missing. Name of the run; *"),
    ({"tasks": ""}, "tasks: missing. Where task seeds come from: `{source: NAME, …}`."),
    ({"answers": ""}, "answers: missing. *"),
    ({"judge": ""}, "judge: missing. *"),
    ({"name": "nmae: x"}, "nmae: no such key. Known: aim, answers, *. Did you mean 'name'?"),
    ({"x": "colour: red"}, "colour: no such key. Known: aim, answers, compare, exports, filters, judge, name, *."),
    ({"name": "name: 12"}, "name: a text (got 12). Put it in quotes."),
    ({"name": "name: a/b"}, "name: letters, digits, `.`, `_` and `-`, * (got 'a/b')."),
    ({"name": "name: ../up"}, "name: letters, digits, * (got '../up')."),
    ({"name": "name:"}, "name: a text (got nothing)."),
    ({"name": "name: [a]"}, "name: a text (got a list)."),
    ({"x": "seed: true"}, "seed: a whole number (got true)."),
    ({"x": "seed: '12'"}, "seed: a whole number (got '12'). Leave the quotes away."),
    ({"x": "seed: 1.5"}, "seed: a whole number (got 1.5)."),
    ({"x": "seed: 1e30"}, "seed: a whole number (got 1e+30)."),
    ({"x": "seed: 99999999999999999999"}, "seed: a whole number of more than 64 bits."),
    ({"x": "seed: .nan"}, "seed: a finite number (got nan)."),
    ({"x": "1: x"}, "1: keys are texts (got 1). Put it in quotes."),
    # the source
    ({"tasks": "tasks: 3"}, "tasks: a mapping {source: NAME, …} (got 3). Known: *csv, *."),
    ({"tasks": "tasks: t.jsonl"}, "tasks: no source named 't.jsonl'. Known: *csv, *. Did you mean 'jsonl'?"),
    ({"tasks": "tasks: {path: x}"}, "tasks: which source? Give source: NAME. Known: *csv, *."),
    ({"tasks": "tasks: {sorce: jsonl, path: x}"}, "tasks: which source? * Did you mean 'source' by 'sorce'?"),
    ({"tasks": "tasks: {source: 3}"}, "tasks.source: the name of a source (got 3). Known: *."),
    ({"tasks": "tasks: {source: jsonl}"}, "tasks.path: missing. The file; *"),
    ({"tasks": "tasks: {source: jsonl, pth: t}"}, "tasks.pth: no such key. Known: *source. Did you mean 'path'?"),
    ({"tasks": "tasks: {source: jsonl, path: 3}"}, "tasks.path: a path (got 3)."),
    ({"tasks": "tasks: {source: jsonl, path: t, limit: 0}"}, "tasks.limit: at least 1 (got 0)."),
    ({"tasks": "tasks: {source: jsonl, path: t, limit: true}"}, "tasks.limit: a whole number (got true)."),
    ({"tasks": "tasks: {source: jsonl, path: t, fields: q}"}, "tasks.fields: a mapping with id, *licence (got 'q')."),
    (
        {"tasks": "tasks: {source: jsonl, path: t, fields: {instuction: q}}"},
        "tasks.fields.instuction: no such key. Known: *. Did you mean 'instruction'?",
    ),
    # models
    ({"answers": "answers: []"}, "answers: at least one {provider: NAME, …} (got none). Known: openai, *."),
    ({"answers": "answers: 3"}, "answers: a list of {provider: NAME, …} (got 3). Known: *."),
    ({"answers": "answers: simulated"}, "answers: a list of {provider: NAME, …} (got 'simulated'). Known: *."),
    ({"answers": f"answers: {OAK}"}, "answers: a list of {provider: NAME, …} (got a mapping). Known: *."),
    ({"answers": f"answers: [3, {OAK}, {PINE}]"}, "answers[0]: a mapping {provider: NAME, …} (got 3). Known: *."),
    ({"answers": f"answers: [{PINE}, {{}}, {OAK}]"}, "answers[1]: which provider? Give provider: NAME. Known: *."),
    ({"answers": f"answers: [{PINE}, simulated, {OAK}]"}, "answers[1].model: missing. The model's name *."),
    ({"answers": f"answers: [{OAK}]"}, "answers: one answer to a task cannot be compared. *"),
    ({"answers": f"answers: [{OAK}, {OAK}]"}, "answers: 'sim-oak-70b' is the name of several entries. *"),
    (
        {"answers": "answers: [{provider: simulated, model: sim-oak-70}]"},
        "answers[0].model: the simulated world has no model 'sim-oak-70'. Known: *. Did you mean 'sim-oak-70b'?",
    ),
    (answering("modle: m"), "answers[1].modle: no such key. Known: *. Did you mean 'model'?"),
    (answering("model: 4"), "answers[1].model: a text (got 4). Put it in quotes."),
    (answering("model: m, samples: 0"), "answers[1].samples: at least 1 (got 0)."),
    (answering("model: m, samples: '2'"), "answers[1].samples: a whole number (got '2'). Leave the quotes away."),
    (answering("model: m, timeout: -1"), "answers[1].timeout: more than 0 (got -1)."),
    (answering("model: m, timeout: yes"), "answers[1].timeout: a number (got 'yes')."),
    (answering("model: m, attempts: true"), "answers[1].attempts: a whole number (got true)."),
    (answering("model: m, temperature: 1"), "answers[1].temperature: no such key. Known: *."),
    (answering("model: m, sampling: 0.7"), "answers[1].sampling: a mapping with temperature, * (got 0.7)."),
    (
        answering("model: m, sampling: {Temperature: 1}"),
        "answers[1].sampling.Temperature: no such key. Known: *. Did you mean 'temperature'?",
    ),
    (answering("model: m, sampling: {temperature: 3}"), "answers[1].sampling.temperature: at most 2 (got 3)."),
    (answering("model: m, sampling: {temperature: hot}"), "answers[1].sampling.temperature: a number (got 'hot')."),
    (answering("model: m, sampling: {stop: END}"), "answers[1].sampling.stop: a list (got 'END')."),
    (
        answering("model: m, sampling: {stop: [a, 1]}"),
        "answers[1].sampling.stop[1]: a text (got 1). Put it in quotes.",
    ),
    (answering("model: m, sampling: {extra_body: 3}"), "answers[1].sampling.extra_body: a mapping (got 3)."),
    (answering("model: m, sampling: {extra_body: '{}'}"), "answers[1].sampling.extra_body: a mapping (got a text)."),
    (answering("model: m, sampling: {extra_body: x}"), "answers[1].sampling.extra_body: a mapping (got a text)."),
    (answering("model: m, price: {input: 1}"), "answers[1].price.output: missing. USD per 1,000,000 reply tokens."),
    (
        answering("model: m, price: {input: 1, ouput: 2}"),
        "answers[1].price.ouput: no such key. Known: input, output. Did you mean 'output'?",
    ),
    (
        {"answers": f"answers: [{OAK}, {{provider: openai, base_url: 'localhost:8000', model: m}}]"},
        "answers[1].base_url: an address like http://localhost:8000/v1, * (got 'localhost:8000').",
    ),
    (
        answering("model: m, api_key_env: NO_SUCH_VARIABLE"),
        "answers[1].api_key_env: the environment variable NO_SUCH_VARIABLE is not set. Set it: export NO_SUCH_*=KEY.",
    ),
    # what is compared
    ({"x": "compare: random"}, "compare: a mapping with pairs, per_task (got 'random')."),
    ({"x": "compare:"}, "compare: a mapping with pairs, per_task (got nothing)."),
    (
        {"x": "compare: {pairs: 3}"},
        "compare.pairs: one of 'random', 'all', 'together', 'none' or a mapping with baseline (got 3).",
    ),
    ({"x": "compare: {pairs: rnadom}"}, "compare.pairs: one of * (got 'rnadom'). Did you mean 'random'?"),
    ({"x": "compare: {pairs: [random]}"}, "compare.pairs: one of * (got a list)."),
    ({"x": "compare: {pairs: {}}"}, "compare.pairs.baseline: missing. Name of the model *."),
    (
        {"x": "compare: {pairs: {baselin: sim-oak-70b}}"},
        "compare.pairs.baselin: no such key. Known: baseline. Did you mean 'baseline'?",
    ),
    (
        {"x": "compare: {pairs: {baseline: sim-oak}}"},
        "compare.pairs.baseline: no answering model named 'sim-oak'. Known: sim-oak-70b, sim-pine-7b. Did you *?",
    ),
    ({"x": "compare: {per_task: '2'}"}, "compare.per_task: a whole number (got '2'). Leave the quotes away."),
    ({"x": "compare: {pairs: all, per_task: 2}"}, "compare: per_task is for `pairs: random` only (got 2)."),
    # who judges
    ({"judge": "judge: judgelm"}, "judge: a mapping {judge: NAME, teachers: […]} (got 'judgelm')."),
    ({"judge": f"judge: {{{TEACHERS}}}"}, "judge: which judge? Give judge: NAME. Known: *."),
    ({"judge": f"judge: {{judge: judgeml, {TEACHERS}}}"}, "judge: no judge named 'judgeml'. *Did you mean 'judgelm'?"),
    (judging("retries: 1"), "judge.teachers: missing. A list of {provider: NAME, …}. Known: openai, *."),
    (judging("teachers: []"), "judge.teachers: at least one {provider: NAME, …} (got none). Known: *."),
    (judging("teachers: gpt"), "judge.teachers: a list of {provider: NAME, …} (got 'gpt'). Known: *."),
    (judging("teacher: [a]"), "judge.teacher: no such key. Known: judge, protocol, *. Did you mean 'teachers'?"),
    (judging(f"reference: always, {TEACHERS}"), "judge.reference: one of 'when_present', 'never', 'both' (got *)."),
    (judging(f"retries: -1, {TEACHERS}"), "judge.retries: at least 0 (got -1)."),
    (judging(f"protocol: both, {TEACHERS}"), "judge.protocol: no protocol named 'both'. Known: *"),
    (judging(f"protocol: {{combine: tie}}, {TEACHERS}"), "judge.protocol: which protocol? Give protocol: NAME. *"),
    (
        judging(f"protocol: {{protocol: both_orders, combine: mean}}, {TEACHERS}"),
        "judge.protocol.combine: one of 'average', 'tie' (got 'mean').",
    ),
    (
        judging("teachers: [{provider: simulated, model: sim-teacher-strong, samples: 2}]"),
        "judge.teachers[0].samples: a teacher is asked once (got 2).",
    ),
    (
        judging("teachers: [{provider: recorded, model: x, path: y}]"),
        "judge.teachers[0].provider: 'recorded' holds answers, no judgments.",
    ),
    # filters, exports, world
    ({"x": "filters: empty_answers"}, "filters: a list of {filter: NAME, …} (got 'empty_answers'). Known: *."),
    ({"x": "filters: [empty_answer]"}, "filters[0]: no filter named 'empty_answer'. *Did you mean 'empty_answers'?"),
    ({"x": "filters: [{margin: 1}]"}, "filters[0]: which filter? Give filter: NAME. Known: *."),
    (
        {"x": "filters: [{minimum_margin: {margin: 1}}]"},
        "filters[0]: which filter? *. Did you mean {filter: minimum_margin, …}?",
    ),
    ({"x": "filters: [{filter: minimum_margin, margin: -1}]"}, "filters[0].margin: at least 0 (got -1)."),
    (
        {"x": "filters: [{filter: refusals, patterns: ['(']}]"},
        "filters[0].patterns: not a regular expression (*): '('.",
    ),
    ({"x": "exports: judgelm"}, "exports: a list of {format: NAME, …} (got 'judgelm'). Known: *."),
    ({"x": "exports: [[judgelm]]"}, "exports[0]: a mapping {format: NAME, …} (got a list). Known: *."),
    ({"x": "exports: [judgelm, {format: judgelm}]"}, "exports: 'judgelm' stands here twice; its files would *."),
    ({"x": "world: fast"}, "world: a mapping with seed, * (got 'fast')."),
    ({"x": "world: {faults: {hangs: 0.1}}"}, "world.faults.hangs: no such key. Known: *. Did you mean 'hang'?"),
    ({"x": "world: {faults: {hang: 2}}"}, "world.faults.hang: at most 1 (got 2)."),
    ({"x": "world: {faults: {hang: 0.7, empty: 0.6}}"}, "world.faults: the shares of all faults add up to 1.3; *."),
]


@pytest.mark.parametrize(("changed", "expected"), CASES, ids=lambda case: str(case)[:60])
def test_a_mistake_is_one_line(tmp_path: Path, changed: dict[str, str], expected: str) -> None:
    lines = mistakes(tmp_path, recipe_text(**changed))
    assert len(lines) == 1, lines
    assert fits(expected, lines[0]), lines[0]


def test_the_good_recipe_is_good(tmp_path: Path) -> None:
    recipe = read(tmp_path, recipe_text())
    assert recipe.tasks.where() == str(tmp_path / "tasks.jsonl")
    assert [model.label for model in recipe.answers] == ["sim-oak-70b", "sim-pine-7b"]
    assert recipe.judge.protocol is not None
    assert recipe.judge.protocol.plugin_name() == "one_order"


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = recipe_text(name="", answers="answers: [{provider: simulated}]", x="sed: 3\nfilters: [a, b]")
    keys = [line.partition(": ")[0] for line in mistakes(tmp_path, text)]
    assert keys == ["name", "sed", "answers[0].model", "filters[0]", "filters[1]"]


def test_an_unset_variable_is_told_once(tmp_path: Path) -> None:
    models = ", ".join(f"{{provider: openai, model: {name}, api_key_env: NO_SUCH_VARIABLE}}" for name in "ab")
    assert len(mistakes(tmp_path, recipe_text(answers=f"answers: [{models}]"))) == 1
    (tmp_path / "r.yaml").write_text(recipe_text(answers=f"answers: [{models}]"))
    assert len(read_recipe(tmp_path / "r.yaml", environment=False).answers) == 2


FILES = [
    ("r.yaml", b"", "a recipe is a mapping (got nothing). Its keys: name, seed, tasks, *."),
    ("r.yaml", b"- a\n", "a recipe is a mapping (got a list). Its keys: *."),
    ("r.yaml", b"just text\n", "a recipe is a mapping (got 'just text'). Its keys: *."),
    ("r.yaml", b"name: x\n  seed: 3\n", "2:7: YAML: mapping values are not allowed here."),
    ("r.yaml", b"\tname: x\n", "1:1: YAML: found character *"),
    ("r.yaml", b"name: [x\n", "2:1: YAML: *"),
    ("r.yaml", b"name: x\nseed: 1\nname: y\n", "3:1: YAML: the key 'name' stands here twice."),
    ("r.yaml", b"name: x\x00\n", "1: YAML: there is the character U+0000."),
    ("r.yaml", b"a: &a [*a]\n", "nested too deeply."),
    ("r.yaml", b"[" * 5000, "nested too deeply."),
    ("r.yaml", b"when: !!set {a}\n", "when: a text, number, list or mapping (got set)."),
    ("r.yaml", b"name: \xff\n", "not UTF-8 (byte 7). Save it as UTF-8."),
    ("r.yaml", "name: x".encode("utf-16"), "not UTF-8 (byte 1). Save it as UTF-8."),
    ("r.json", b'{"name": }', "1:10: JSON: *."),
    ("r.json", b'{"name": "x", "name": "y"}', "the key 'name' stands here twice."),
    ("r.json", b'{"name": NaN}', "name: a finite number (got nan)."),
]


@pytest.mark.parametrize(("name", "content", "expected"), FILES, ids=lambda value: str(value)[:40])
def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path, name: str, content: bytes, expected: str) -> None:
    lines = mistakes(tmp_path, content, name)
    assert len(lines) == 1, lines
    assert fits(expected, lines[0]), lines[0]


def test_what_is_no_file(tmp_path: Path) -> None:
    for path, expected in (
        (tmp_path / "none.yaml", "no such file. `prefmill new *"),
        (tmp_path, "cannot be read (*)."),
    ):
        with pytest.raises(RecipeError) as caught:
            read_recipe(path)
        assert fits(f"{path}: {expected}", str(caught.value))


def test_json_with_tabs_and_yaml_with_a_byte_order_mark(tmp_path: Path) -> None:
    plain = as_plain(read(tmp_path, recipe_text()))
    (tmp_path / "r.json").write_text(json.dumps(plain, indent="\t"))
    assert as_plain(read_recipe(tmp_path / "r.json")) == plain
    (tmp_path / "bom.yaml").write_text(recipe_text(), encoding="utf-8-sig")
    assert as_plain(read_recipe(tmp_path / "bom.yaml")) == plain


def test_plain_values_are_those_of_yaml_1_2(tmp_path: Path) -> None:
    path = tmp_path / "v.yaml"
    path.write_text(
        "a: no\nb: 12:30\nc: 2024-05-01\nd: 1e-3\ne: 017\nf: 0x1F\ng: true\nh: ~\ni: -.5\nj: 1.\nk: 1_000\n"
    )
    assert recipe_file.load(path) == {
        "a": "no", "b": "12:30", "c": "2024-05-01", "d": 0.001, "e": "017", "f": 31, "g": True, "h": None, "i": -0.5,
        "j": 1.0, "k": "1_000",
    }  # fmt: skip


def test_what_is_dumped_reads_back_the_same_by_either_yaml(tmp_path: Path) -> None:
    texts = [
        "no",
        "12:30",
        "2024-05-01",
        "1e-3",
        "1e5",
        "017",
        "0x1F",
        "true",
        "~",
        "",
        " a",
        "1.",
        "ü\n#:",
        "<<",
        "=",
        "null",
    ]
    path, value = tmp_path / "v.yaml", {"texts": texts, "numbers": [1e-7, 1e300, -0.0, 3, 2**62], "null": None}
    path.write_text(recipe_file.dump(value), encoding="utf-8")
    assert recipe_file.load(path) == value
    assert yaml.safe_load(recipe_file.dump(value)) == value


def test_the_resolved_recipe_reads_back_the_same(tmp_path: Path) -> None:
    sampling = "sampling: {stop: ['no'], extra_body: {a: [1, {b: 1e-3}]}}"
    entry = f"model: 1e3-chat, samples: 2, {sampling}, price: {{input: 1, output: 2}}"
    recipe = read(
        tmp_path, recipe_text(**answering(entry), x="compare: {pairs: {baseline: sim-oak-70b}}\nexports: [judgelm]")
    )
    (tmp_path / "resolved.yaml").write_text(as_yaml(recipe))
    assert read_recipe(tmp_path / "resolved.yaml") == recipe


def test_a_whole_number_is_a_number(tmp_path: Path) -> None:
    recipe = read(
        tmp_path, recipe_text(**answering("model: m, timeout: 5, sampling: {temperature: 1, max_tokens: 1e3}"))
    )
    assert recipe.answers[1].timeout == 5.0
    assert recipe.answers[1].sampling.max_tokens == 1000


def test_formats_by_name() -> None:
    assert [plugin.plugin_name() for plugin in formats_named(["preference", "judgelm"])] == ["preference", "judgelm"]
    said = r"^prefmill export: --format: no format named 'judglm'\. Known: .* Did you mean 'judgelm'\?$"
    with pytest.raises(RecipeError, match=said):
        formats_named(["judglm"])


def test_the_limit_of_the_command_line_comes_first(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(recipe_text(tasks="tasks: {source: jsonl, path: t, limit: 9}"))
    assert read_recipe(tmp_path / "r.yaml").tasks.limit == 9
    assert read_recipe(tmp_path / "r.yaml", 3).tasks.limit == 3
