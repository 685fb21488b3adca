"""The folder that is published: it loads, it is the same each time, and it says nothing about the machine."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import orjson
import pyarrow as pa
import pytest
import yaml

from prefmill.generators.records.format_files import format_named
from prefmill.pipelines.publish import Published, publish
from prefmill.pipelines.publishing.configs import splits
from prefmill.pipelines.recipe import asked_by
from prefmill.pipelines.recipe_reading import read_recipe
from prefmill.pipelines.rundir import RunDirectory
from prefmill.schemas.contents import Content
from prefmill.schemas.errors import RunDirectoryError, UserError
from prefmill.schemas.formats import Format, Record
from prefmill.schemas.formats.judgelm import JudgeLMFormat
from prefmill.schemas.formats.preference import Preference
from prefmill.schemas.plugins import names
from prefmill.schemas.rows import Example, Loss

from ..publishable import finished_run

if TYPE_CHECKING:
    from datasets import Dataset


def dry(directory: RunDirectory, target: Path | None = None, **options: Any) -> Published:  # noqa: ANN401
    return publish(directory.path, dry_run=True, folder=target, **options)


def card_of(published: Published) -> tuple[dict[str, Any], str]:
    """Front matter and text."""
    _, front, text = (published.folder.path / "README.md").read_text().split("---\n", 2)
    return yaml.safe_load(front), text


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def native(path: Path) -> list[Record]:
    """Rows of a format's own file; Parquet has null for an empty object."""
    rows = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    return [{key: None if value == {} else value for key, value in row.items()} for row in rows]


def test_every_configuration_loads_with_the_rows_of_the_formats_own_files(tmp_path: Path) -> None:
    from datasets import get_dataset_config_names, load_dataset

    published = dry(finished_run(tmp_path / "run"), repo="org/mine")
    folder, features = published.folder.path, {**JudgeLMFormat().features(), **Preference().features()}
    loaded: dict[str, set[str]] = {}
    for split, rows in published.folder.told.splits:
        data: Dataset = load_dataset(str(folder), split.config, split=split.split, cache_dir=str(tmp_path / "cache"))
        assert list(data) == native(folder / split.native)
        assert len(data) == rows > 0
        assert data.features.arrow_schema.types == features[split.file].types
        assert data.column_names == features[split.file].names
        loaded.setdefault(split.config, set()).add(split.split)
    assert loaded == {
        "judgelm": {"train"},
        "judgelm_val": {"validation"},
        "judgelm_val_gpt4": {"validation"},
        "judgelm_val_gpt4_with_reference": {"validation"},
        "judgelm_val_references": {"validation"},
        "preference": {"train", "test"},
    }
    assert set(get_dataset_config_names(str(folder))) == set(loaded)
    whole = load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
    assert whole["train"].column_names == features["judgelm_train.jsonl"].names


def test_rows_about_one_question_are_on_one_side(tmp_path: Path) -> None:
    folder = dry(finished_run(tmp_path, tasks=100)).folder.path
    train, test = (
        {row["prompt"][0]["content"] for row in native(folder / f"files/preference/{name}.jsonl")}
        for name in ("train", "test")
    )
    assert not train & test
    assert len(test) > 5 and len(train) > 20


def test_the_same_run_is_the_same_folder_wherever_it_is_written(tmp_path: Path) -> None:
    directory = finished_run(tmp_path / "run")
    one = dry(directory).folder
    manifest = directory.manifest()
    # A finished run that is started again only looks at what is there.
    directory.write_manifest(manifest | {"started": "2026-11-20T11:00:00+00:00", "this_time": {"sent": 0}})
    other = dry(directory, tmp_path / "other").folder
    assert contents(one.path) == contents(other.path)
    assert one.files == tuple(sorted(contents(one.path)))
    assert contents(dry(directory).folder.path) == contents(other.path)
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []


def test_a_folder_of_an_earlier_time_is_replaced_and_a_foreign_one_is_not_touched(tmp_path: Path) -> None:
    directory, target = finished_run(tmp_path / "run"), tmp_path / "target"
    dry(directory, target)
    assert any(name.startswith("data/judgelm/") for name in contents(target))
    dry(directory, target, formats=["preference"])
    assert not any("judgelm" in name for name in contents(target))
    (target / "notes.txt").write_text("mine")
    before = contents(target)
    with pytest.raises(UserError, match=r"holds notes\.txt, which was not written by `prefmill publish`"):
        dry(directory, target)
    assert contents(target) == before
    with pytest.raises(UserError, match="is no folder"):
        dry(directory, target / "notes.txt")


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    directory = finished_run(tmp_path / "run")
    (tmp_path / "file").write_text("")
    with pytest.raises(RunDirectoryError, match=r"file/x: Not a directory\. Make space") as told:
        dry(directory, tmp_path / "file" / "x")
    assert "\n" not in str(told.value)


def test_the_machine_stays_at_home(tmp_path: Path) -> None:
    inside = {"provider": "openai", "api_key_env": "MY_KEY", "timeout": 7}
    answers = [
        {**inside, "model": "a-1", "name": "a", "base_url": "http://gpu-7.corp:8000/v1"},
        {**inside, "model": "b-1", "name": "b", "base_url": "http://10.1.2.3:8000/v1"},
    ]
    teachers = [{"provider": "openai", "model": "c", "base_url": "https://llm.example.org/v1"}]
    directory = finished_run(
        tmp_path / "run",
        models=("a", "b"),
        answers=answers,
        judge={"judge": "judgelm", "protocol": "both_orders", "teachers": teachers},
        manifest={"note": f"{Path.home()}/x and http://gpu-7.corp:1/y", "where": str(tmp_path)},
    )
    folder = dry(directory).folder.path
    everything = b"".join(contents(folder).values()).decode(errors="replace")
    for secret in (str(tmp_path), str(Path.home()) + "/", "gpu-7", "10.1.2.3"):
        assert secret not in everything
    assert "https://llm.example.org/v1" in everything
    again, was = (
        asked_by(read_recipe(path, environment=False)) for path in (folder / "recipe.yaml", directory.recipe())
    )
    for recipe in (again, was):
        recipe["tasks"]["path"] = Path(recipe["tasks"]["path"]).name
    assert again == was
    assert "MY_KEY" in (folder / "recipe.yaml").read_text()
    assert (folder / "recipe.yaml").read_text().count("http://localhost:8000/v1") == 2


def test_the_manifest_lists_every_file_and_no_time(tmp_path: Path) -> None:
    folder = dry(finished_run(tmp_path)).folder
    manifest = json.loads((folder.path / "manifest.json").read_text())
    assert set(manifest["files"]) == set(folder.files) - {"manifest.json"}
    assert manifest["files"]["data/preference/train.parquet"]["rows"] > 10
    assert not {"started", "ended", "this_time"} & set(manifest)
    assert manifest["seed"] == 5


def test_the_card_tells_how_it_was_made(tmp_path: Path) -> None:
    front, text = card_of(dry(finished_run(tmp_path), repo="org/mine"))
    assert front["license"] == "cc-by-4.0"
    assert front["size_categories"] == ["n<1K"]
    assert "simulated" not in front["tags"] and "Simulated data" not in text
    assert "language" not in front
    assert [config["config_name"] for config in front["configs"] if config.get("default")] == ["judgelm"]
    for told in (
        'load_dataset("org/mine", "judgelm")',
        "| answers | mistral-7b-instruct | mistral-7b-instruct | openai | https://llm.example.org/v1 | not stated |",
        "temperature 0.7",
        "protocol `both_orders`; filters: `refusals`",
        "| judgments | qwen3-32b | 40 | 1 | 700 | 90 | unknown |",
        "Total cost: unknown.",
        "Judge `judgelm`, prompt version `",
        "[The Start of Assistant 1's Answer]\n{answer 1}",
        "| verdicts | 43 | 40 | 3 | 0 | minimum_margin 3 |",
        "| format preference | 40 | 35 | 5 | 0 | tie 5 |",
        "| same winner in both orders | 100.0% of 40 published verdicts |",
        "| agreement of teachers with people | not measured |",
        "| position bias | not measured |",
        "| cc-by-4.0 | 40 |",
        "Of 40 kept verdicts, 5 are not in these files:",
        *Preference.loses,
        *JudgeLMFormat().notes(),
        "prefmill run recipe.yaml",
    ):
        assert told in text
    assert "Restrictions" not in text


def test_the_card_has_the_figures_that_the_run_has(tmp_path: Path) -> None:
    estimate = {"value": 0.8125, "low": 0.75, "high": 0.877, "n": 400, "tasks": 380, "method": "share"}
    figures = {
        "agreement": {"verdicts": {"agreement": estimate, "kappa": {"undefined": "no rows"}}, "pairs": 40},
        "bias": {"teachers": {"qwen3-32b": {"undefined": "nothing was read"}}, "kappa": {"a / b": estimate}},
    }
    directory = finished_run(tmp_path, manifest=figures, publish={"language": ["de", "en"]})
    front, text = card_of(dry(directory))
    assert "| agreement: verdicts: agreement | 0.81 [0.75, 0.88] 400 |" in text
    assert "| agreement: verdicts: kappa | not measured: no rows |" in text
    assert "| agreement: pairs | 40 |" in text
    assert "## What sways the teachers\n\n- qwen3-32b: nothing was read\n" in text
    assert "| a / b | 0.81 [0.75, 0.88] 400 |" in text
    assert "position bias" not in text
    assert "agreement among people | not measured" not in text
    assert front["language"] == ["de", "en"]


def test_simulated_data_say_so_loudly(tmp_path: Path) -> None:
    directory = finished_run(
        tmp_path, simulated=True, models=("sim-oak-70b", "sim-pine-7b"), teacher="sim-teacher-strong"
    )
    published = dry(directory)
    front, text = card_of(published)
    assert "simulated" in front["tags"]
    assert text.split("# mine\n")[1].lstrip().startswith("> [!CAUTION]\n> **Simulated data**")
    assert published.folder.told.licence.unknown_terms == ()
    assert "Simulated data" in json.loads((published.folder.path / "croissant.json").read_text())["description"]


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ({"manifest": {"finished": False}}, "this run is not finished"),
        ({"exports": []}, "no format to publish"),
        ({"tasks": 1, "exports": ["preference"]}, r"no row can be published \(preference: tie 1\)"),
        ({"licences": ["cc-by-nc-4.0"], "publish": {"license": "mit"}}, "'mit' contradicts .*cc-by-nc-4.0"),
    ],
)
def test_what_cannot_be_published_is_one_line(tmp_path: Path, what: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said) as told:
        dry(finished_run(tmp_path, **what))
    assert "\n" not in str(told.value)
    assert not (tmp_path / "publish").exists()
    assert not list(tmp_path.glob("*.partial"))


def test_a_format_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no format named 'jugelm'.*Did you mean 'judgelm'"):
        dry(finished_run(tmp_path), formats=["jugelm"])


def test_named_formats_keep_the_recipes_settings(tmp_path: Path) -> None:
    published = dry(finished_run(tmp_path), formats=["preference", "preference"])
    (written,) = published.folder.told.written
    assert isinstance(written.plugin, Preference) and written.plugin.test_share == 0.2
    exports = read_recipe(published.folder.path / "recipe.yaml", environment=False).exports
    assert [plugin.plugin_name() for plugin in exports] == ["preference"]


class Files(Format):
    """A format with the files and columns of a test."""

    carries: ClassVar[frozenset[Content]] = frozenset()
    loses: ClassVar[tuple[str, ...]] = ()
    columns: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def plugin_name(cls) -> str:
        return "some"

    def encode(self, example: Example) -> Iterator[tuple[str, Record]]:
        raise NotImplementedError

    def decode(self, files: Mapping[str, Iterable[Record]]) -> Iterator[Example | Loss]:
        raise NotImplementedError

    def features(self) -> Mapping[str, pa.Schema]:
        return {name: pa.schema([(column, pa.string()) for column in names]) for name, names in self.columns.items()}


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"rows.jsonl": "a"}, "some/train"),
        ({"train.jsonl": "a", "test.jsonl": "a"}, "some/train some/test"),
        ({"train.jsonl": "a", "dev.jsonl": "ab"}, "some/train some_dev/validation"),
        (
            {"some_train.jsonl": "a", "some_val.jsonl": "a", "some_test.json": "a"},
            "some/train some/validation some/test",
        ),
        ({"some_train.jsonl": "a", "some_train_long.jsonl": "a"}, "some/train some_train_long/train"),
        (
            {"train_sft.jsonl": "a", "test_sft.jsonl": "a", "train_prefs.jsonl": "ab", "test_prefs.jsonl": "ab"},
            "some/train some/test some_prefs/train some_prefs/test",
        ),
        ({"data/a.b.csv": "a", "data/c.csv": "a"}, "some/train some_data_c/train"),
        ({"train-a.jsonl": "a", "train_a.jsonl": "a"}, "some/train some_train_a/train"),
    ],
)
def test_files_become_configurations_and_splits(columns: dict[str, str], expected: str) -> None:
    chosen = type("Chosen", (Files,), {"files": tuple(columns), "columns": columns})
    found = splits(chosen())
    assert " ".join(f"{one.config}/{one.split}" for one in found) == expected
    assert [one.file for one in found] == list(columns)
    assert len({one.path for one in found}) == len(found)
    assert all(re.fullmatch(r"\w+", one.config) for one in found)


@pytest.mark.parametrize("name", names("format"))
def test_every_format_has_configurations_of_its_own(name: str) -> None:
    found = splits(format_named(name, "--formats"))
    assert found[0].config == name
    assert len({(one.config, one.split) for one in found}) == len(found)
    assert all(one.config == name or one.config.startswith(f"{name}_") for one in found)
    for config in {one.config for one in found}:
        assert len({one.columns.to_string() for one in found if one.config == config}) == 1


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of mlcroissant's own dependencies
def test_the_croissant_file_is_valid_and_gives_the_rows(tmp_path: Path) -> None:
    mlcroissant = pytest.importorskip("mlcroissant")
    published = dry(finished_run(tmp_path, licences=["mit", "cc-by-4.0"]), repo="org/mine")
    found = mlcroissant.Dataset(jsonld=str(published.folder.path / "croissant.json"))
    assert found.metadata.ctx.issues.errors == set()
    assert found.metadata.ctx.issues.warnings == set()
    assert found.metadata.license == [
        "https://creativecommons.org/licenses/by/4.0/",
        "https://spdx.org/licenses/MIT.html",
    ]
    sets = {f"{split.config}/{split.split}": split for split, _ in published.folder.told.splits}
    assert {one.id for one in found.metadata.record_sets} == set(sets)
    for name, split in sets.items():
        rows = native(published.folder.path / split.native)
        records = list(found.records(record_set=name))
        assert len(records) == len(rows)
        for record, row in zip(records, rows, strict=True):
            texts = {key: value for key, value in row.items() if isinstance(value, str)}
            assert {key: record[f"{name}/{key}"].decode() for key in texts} == texts
    name = "preference/train"
    record, row = next(iter(found.records(record_set=name))), native(published.folder.path / sets[name].native)[0]
    assert record[f"{name}/prompt"] == [
        {f"{name}/prompt/{key}": value.encode() for key, value in turn.items()} for turn in row["prompt"]
    ]
