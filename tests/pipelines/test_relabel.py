"""People's reviews of a finished run: labels, certainty, filters and exports follow them, and nothing is asked."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from prefmill.generators.ledger import Ledger
from prefmill.generators.world.settings import WorldSettings
from prefmill.generators.world.truth import true_winner
from prefmill.pipelines.examples import examples
from prefmill.pipelines.recipe_reading import read_recipe
from prefmill.pipelines.relabel import relabel
from prefmill.pipelines.run import run
from prefmill.pipelines.rundir import RunDirectory
from prefmill.schemas.errors import SourceError, UserError
from prefmill.schemas.rows import Answer, Comparison, Example, Verdict

WORLD = 31
TASKS = 400
MODELS = ("sim-oak-70b", "sim-birch-14b", "sim-pine-7b")


def write_recipe(folder: Path, **changes: object) -> Path:
    lines = [json.dumps({"id": f"q{number}", "instruction": f"What does part {number} do?"}) for number in range(TASKS)]
    (folder / "tasks.jsonl").write_text("\n".join(lines) + "\n")
    simulated = {"provider": "simulated", "max_in_flight": 64}
    recipe = {
        "name": "people",
        "tasks": {"source": "jsonl", "path": "tasks.jsonl"},
        "answers": [{**simulated, "model": model, "sampling": {"temperature": 0.7}} for model in MODELS],
        "compare": {"pairs": "all"},
        "judge": {
            "judge": "judgelm",
            "protocol": "both_orders",
            "teachers": [{**simulated, "model": "sim-teacher-cheap-1", "sampling": {"temperature": 0}}],
        },
        "filters": [{"filter": "confident", "accuracy": 0.8}],
        "exports": ["preference"],
        "world": {"seed": WORLD},
        **changes,
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return path


def rows(directory: Path, kind: type[Any]) -> list[Any]:
    place = RunDirectory(directory)
    return [row for part in range(place.parts()) for row in place.rows(kind, part)]


def labels(directory: Path) -> dict[str, Verdict]:
    place = RunDirectory(directory)
    return {one.comparison_id: one for part in range(place.parts()) for one in place.labels(part)}


def truth(directory: Path) -> dict[str, str]:
    text = {answer.id: answer.text for answer in rows(directory, Answer)}
    settings = WorldSettings(seed=WORLD)
    return {
        comparison.id: true_winner(settings, *(text[answer] for answer in comparison.answer_ids))
        for comparison in rows(directory, Comparison)
    }


def write_reviews(path: Path, winners: dict[str, str], chosen: Sequence[str], **fields: object) -> Path:
    lines = [
        json.dumps({"comparison_id": comparison, "annotator": "ann", "winner": winners[comparison], **fields})
        for comparison in chosen
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def calls(directory: Path) -> int:
    with Ledger.open(directory / "ledger.sqlite") as ledger:
        return sum(row.calls for row in ledger.totals())


@pytest.fixture(name="directory", scope="module")
def _directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of which people have reviewed nothing yet."""
    folder = tmp_path_factory.mktemp("people")
    run(read_recipe(write_recipe(folder)), folder / "run")
    return folder / "run"


@pytest.fixture(name="audited", scope="module")
def _audited(directory: Path) -> tuple[Path, dict[str, Any], list[str]]:
    """The same run after people have told the truth about 600 comparisons drawn at random."""
    drawn = random.Random(2).sample(sorted(truth(directory)), 600)
    path = write_reviews(directory.parent / "audit.jsonl", truth(directory), drawn, stratum="audit", seconds=30)
    return directory, relabel(directory, path).manifest, drawn


def test_before_people_have_reviewed_nothing_can_be_shown_to_be_confident(tmp_path: Path) -> None:
    path = write_recipe(tmp_path)
    manifest = run(read_recipe(path, limit=20), tmp_path / "run")
    assert manifest["stages"]["verdicts"]["kept"] == 0
    assert manifest["stages"]["verdicts"]["dropped"] == {"confident": 60}
    assert "calibration" not in manifest


def test_people_decide_and_the_rest_is_kept_by_what_they_taught(
    audited: tuple[Path, dict[str, Any], list[str]],
) -> None:
    directory, manifest, drawn = audited
    winners, found, raw = (
        truth(directory),
        labels(directory),
        {one.comparison_id: one for one in rows(directory, Verdict)},
    )
    assert len(found) == 3 * TASKS
    assert all(found[one].winner == winners[one] and found[one].flags[-1] == "people" for one in drawn)
    told = manifest["labels"]
    wrong = sum(raw[one].winner != winners[one] for one in drawn)
    assert (told["by_people"], told["changed_by_people"]) == (600, wrong)
    assert wrong > 60  # a cheap teacher is right in about 80 of 100, both orders averaged
    kept = [one for one in examples(RunDirectory(directory)) if one.comparison and one.comparison.id not in drawn]
    assert 100 < len(kept) < 600
    for example in kept:
        assert example.verdict is not None
        assert example.verdict.confidence is not None
    right = sum(_winner(example) == winners[example.verdict.comparison_id] for example in kept if example.verdict)
    assert right / len(kept) > 0.8
    assert manifest["stages"]["verdicts"]["kept"] == len(kept) + 600
    assert manifest["stages"]["export preference"]["in"] == len(kept) + 600


def _winner(example: Example) -> str | None:
    return example.verdict.winner if example.verdict else None


def test_agreement_with_people_is_the_teachers_own(audited: tuple[Path, dict[str, Any], list[str]]) -> None:
    _, manifest, _ = audited
    agreement = manifest["agreement"]["verdicts"]["agreement"]
    assert 0.75 < agreement["value"] < 0.95
    assert manifest["calibration"]["labels"] > 500
    assert manifest["calibration"]["ece"] < 0.08


def test_the_same_reviews_again_change_nothing_and_nothing_was_asked(
    audited: tuple[Path, dict[str, Any], list[str]],
) -> None:
    directory, manifest, _ = audited
    before, asked = (directory / "export/preference/train.jsonl").read_bytes(), calls(directory)
    again = relabel(directory, directory.parent / "audit.jsonl")
    assert (again.reviews, again.changes) == (0, {})
    assert again.manifest["stages"] == manifest["stages"]
    assert (directory / "export/preference/train.jsonl").read_bytes() == before
    assert calls(directory) == asked


def test_a_second_run_keeps_what_people_said(audited: tuple[Path, dict[str, Any], list[str]]) -> None:
    directory, manifest, _ = audited
    before, asked = (directory / "export/preference/train.jsonl").read_bytes(), calls(directory)
    again = run(read_recipe(directory.parent / "recipe.yaml"), directory)
    assert again["stages"] == manifest["stages"]
    assert again["labels"] == manifest["labels"]
    assert (directory / "export/preference/train.jsonl").read_bytes() == before
    assert calls(directory) == asked


def test_a_changed_mind_replaces_the_review_and_is_in_the_diff(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, filters=[])
    run(read_recipe(path, limit=10), tmp_path / "run")
    directory = tmp_path / "run"
    one = next(found for found in rows(directory, Verdict) if found.winner == "first")
    reviews = tmp_path / "reviews.jsonl"
    changes = []
    for winner in ("first", "second", "second"):
        write_reviews(reviews, {one.comparison_id: winner}, [one.comparison_id])
        done = relabel(directory, reviews)
        changes.append((done.reviews, done.changes, labels(directory)[one.comparison_id].winner))
    assert changes == [
        (1, {"now by people": 1}, "first"),
        (1, {"winner": 1}, "second"),
        (0, {}, "second"),
    ]
    assert "agreement" not in done.manifest  # who was picked says nothing about the others
    assert "undefined" in done.manifest["calibration"]
    write_reviews(reviews, {one.comparison_id: "tie"}, [one.comparison_id])
    relabel(directory, reviews)
    (line,) = (directory / "relabelled.jsonl").read_text().splitlines()
    assert json.loads(line) == {
        "comparison_id": one.comparison_id,
        "before": {"winner": "second", "by": "people", "dropped": None},
        "after": {"winner": "tie", "by": "people", "dropped": None},
    }


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("no", "reviews.jsonl:1: not JSON"),
        ("[]", "reviews.jsonl:1: a review is a JSON object (got list)"),
        ('{"comparison_id": "x", "annotator": "a", "winner": "first"}', "comparison_id: no comparison of this run"),
        ('{"comparison_id": "ID", "annotator": "a"}', "winner: missing. Known: first, second, tie"),
        (
            '{"comparison_id": "ID", "annotator": "a", "winner": "A"}',
            "winner: Input should be 'first', 'second' or 'tie'",
        ),
        ('{"comparison_id": "ID", "winner": "first"}', "annotator: Field required"),
        ('{"comparison_id": "ID", "annotator": "a", "winner": "tie", "colour": 1}', "colour: Extra inputs"),
        (
            '{"comparison_id": "ID", "annotator": "a", "winner": "tie", "stratum": "Audit"}',
            "stratum: 'Audit' is none. Known: audit, disagreement, picked, slices. Did you mean 'audit'?",
        ),
    ],
)
def test_bad_reviews_are_one_line_and_none_is_taken(directory: Path, tmp_path: Path, line: str, message: str) -> None:
    some = rows(directory, Comparison)[0].id
    path = tmp_path / "reviews.jsonl"
    path.write_text(line.replace("ID", some) + "\n")
    kept = directory / "reviews.jsonl"
    before = kept.read_bytes() if kept.exists() else None
    with pytest.raises(SourceError, match=r"^[^\n]*$") as caught:
        relabel(directory, path)
    assert message in str(caught.value)
    assert (kept.read_bytes() if kept.exists() else None) == before


def test_an_unfinished_run_is_not_relabelled(directory: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no run here"):
        relabel(tmp_path, None)


def test_what_people_decided_is_kept_whatever_teachers_doubt(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, filters=[{"filter": "minimum_margin", "margin": 30}])
    directory = tmp_path / "run"
    assert run(read_recipe(path, limit=20), directory)["stages"]["verdicts"]["kept"] == 0
    chosen = [one.comparison_id for one in rows(directory, Verdict)][:5]
    # A review that does not say how its pair was drawn corrects that pair and tells nothing of others.
    lines = [
        {"comparison_id": one, "annotator": "ann", "winner": "second", **({"stratum": None} if number else {})}
        for number, one in enumerate(chosen)
    ]
    (tmp_path / "reviews.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = relabel(directory, tmp_path / "reviews.jsonl")
    kept = [one.verdict for one in examples(RunDirectory(directory))]
    assert [one.comparison_id for one in kept if one] == chosen
    assert all(one.winner == "second" for one in kept if one)
    assert done.manifest["stages"]["verdicts"]["kept"] == 5
    assert done.changes["now kept"] == 5
    assert "agreement" not in done.manifest


def test_killed_in_the_middle_it_goes_on_and_the_diff_is_whole(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, filters=[])
    directory = tmp_path / "run"
    run(read_recipe(path, limit=10), directory)
    place, some = (
        RunDirectory(directory),
        [one.comparison_id for one in rows(directory, Verdict) if one.winner == "first"],
    )
    write_reviews(tmp_path / "reviews.jsonl", dict.fromkeys(some, "second"), some)
    whole = relabel(directory, tmp_path / "reviews.jsonl")
    after = (directory / "export/preference/train.jsonl").read_bytes()
    diff = (directory / "relabelled.jsonl").read_bytes()
    assert whole.changes == {"winner": len(some)}
    # As a kill leaves it: new labels, a manifest that says so, and what was published before.
    before = {
        one.comparison_id: {"winner": one.winner, "by": "teachers", "dropped": None} for one in rows(directory, Verdict)
    }
    (directory / "relabelled.before.json").write_text(json.dumps(before))
    place.write_manifest(place.manifest() | {"finished": False, "relabelling": True})
    again = relabel(directory, None)
    assert again.changes == whole.changes
    assert again.manifest["finished"]
    assert (directory / "relabelled.jsonl").read_bytes() == diff
    assert (directory / "export/preference/train.jsonl").read_bytes() == after
    assert not (directory / "relabelled.before.json").exists()
