"""The filter `confident`: a saved calibration and a target become a threshold on verdicts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from prefmill.curation.calibration import calibrate
from prefmill.curation.filters import Filter
from prefmill.curation.filters.confident import Confident
from prefmill.curation.guarantee import Kept
from prefmill.curation.labelled import Labelled
from prefmill.curation.logistic import probability
from prefmill.schemas.errors import UserError
from prefmill.schemas.plugins import load
from prefmill.schemas.rows import Comparison, Judgment, Verdict, Winner

PAIR = Comparison(task_id="t", answer_ids=("x", "y"), models=("a", "b"))


@pytest.fixture(name="path", scope="module")
def _path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    draw = np.random.default_rng(1)
    margin = draw.exponential(2.0, 600)
    right = (draw.random(600) < probability(0.9 * margin)).astype(np.float64)
    path = tmp_path_factory.mktemp("labels") / "calibration.json"
    path.write_text(calibrate(Labelled(("margin",), margin[:, None], right, np.arange(600))).text(), encoding="utf-8")
    return path


def found(plugin: Confident, margin: float, winner: Winner = "first") -> str | None:
    judgment = Judgment(
        comparison_id=PAIR.id, task_id="t", teacher="gpt", judge="judgelm", shown=(0, 1), scores=(5 + margin, 5)
    )
    verdict = Verdict(
        comparison_id=PAIR.id,
        task_id="t",
        protocol="one_order",
        judgment_ids=(judgment.id,),
        winner=winner,
        margin=margin,
    )
    return plugin.drop(PAIR, (judgment,), verdict)


def test_keeps_what_is_confident(path: Path) -> None:
    plugin = load(Filter, "confident").model_validate({"calibration": str(path), "accuracy": 0.85})
    assert isinstance(plugin, Confident)
    assert isinstance(plugin.chosen, Kept)
    assert found(plugin, 6) is None
    why = found(plugin, 0.2)
    assert why is not None
    assert why.startswith("p 0.5")
    assert why.endswith(f"< {plugin.chosen.threshold:.3f}")
    assert found(plugin, 6, "tie") == "no winner"


def test_what_cannot_be_promised_keeps_nothing(path: Path) -> None:
    why = found(Confident(calibration=path, accuracy=0.999), 9)
    assert why is not None
    assert why.startswith("99.9% right cannot be shown at 95% confidence")


def test_share(path: Path) -> None:
    few, many = Confident(calibration=path, share=0.1), Confident(calibration=path, share=0.9)
    assert isinstance(few.chosen, Kept)
    assert few.chosen.share == pytest.approx(0.1, abs=0.01)
    assert found(few, 3) is not None
    assert found(many, 3) is None


def test_options(path: Path) -> None:
    for options in ({}, {"accuracy": 0.9, "share": 0.5}):
        with pytest.raises(ValueError, match="give either accuracy or share"):
            Confident.model_validate({"calibration": path, **options})
    plugin = Confident(calibration=Path(path.name), accuracy=0.8).at(path.parent)
    assert plugin.calibration == path
    assert found(plugin, 6) is None


def test_a_file_that_cannot_be_used_is_named(path: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"absent\.json: no calibration can be read"):
        found(Confident(calibration=tmp_path / "absent.json", accuracy=0.9), 3)
    strange = tmp_path / "strange.json"
    strange.write_text(path.read_text().replace('"margin"', '"margins"'))
    with pytest.raises(UserError, match=r"strange\.json: curve\.features: 'margins'.*Did you mean 'margin'"):
        found(Confident(calibration=strange, accuracy=0.9), 3)
