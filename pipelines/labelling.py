"""After the stages: verdicts become the published labels.

Biases are measured over the whole run, and certainty is calibrated to all of people's labels; so this comes after the
stages and before the exports. `5-verdicts` stays what the teachers said. Where biases are removed or people have
reviewed, `7-labels` holds the verdicts as they are published, and the filters on verdicts judge those.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..curation.calibration import Calibration, calibrate
from ..curation.debias import debiased_margin, removable
from ..curation.filters import Filter
from ..curation.filters.confident import Confident
from ..curation.labelled import labelled
from ..curation.labels import by_people, with_confidence, without_bias
from ..curation.people import measure as beside_people
from ..generators.protocols import Protocol
from ..schemas.errors import UserError
from ..schemas.labels import PEOPLE, PeopleSay
from ..schemas.probe import Removable
from ..schemas.rows import Example, Judgment, Loss, Verdict
from .curating import dropped_by
from .examples import asked, judged
from .measuring import Measured, measured, pair_readings, ranked
from .recipe import Recipe
from .reviewing.settings import Reviewing
from .reviewing.status import KEY, figures
from .reviewing.store import ReviewStore
from .reviews import SAMPLED, collected, people
from .rundir import RunDirectory
from .waterfall import Waterfall

STAGE = "verdicts"


def label(place: RunDirectory, recipe: Recipe, fall: Waterfall, told: dict[str, Any]) -> None:
    """Measure, and write the labels of a run whose parts are complete; adds to `told` what the manifest says of it.

    Keys: `bias` (`curation/bias_report.py`), `ranking`, `calibration`, `agreement`, `labels` and `review`, each where
    there is something to say. `fall`: its stage `verdicts` is counted anew where the labels are filtered. Raises
    `UserError` where a bias is to be removed that the run could not measure; what was measured is in `told` then.
    """
    protocol = recipe.judge.protocol
    if protocol is None:
        return
    found = measured(place, recipe, protocol)
    told["ranking"] = {"raw": found.ranking}
    if found.bias is not None:
        told["bias"] = found.bias
        removable(found.biases, sorted(found.teachers), recipe.remove)
    debias = _Debias(found, recipe.remove, protocol)
    if recipe.remove:
        told["ranking"]["debiased"] = ranked(debias.told(example) for part in judged(place) for example in part)
    settings = recipe.review or Reviewing()
    said = people(place, settings.merge)
    reviewed = [_sampled(debias.told(example)) for example in found.reviewed]
    calibration: Calibration | None = None
    if reviewed:
        calibration, told["calibration"] = _calibrated([example for example in reviewed if example.reviews], said.say)
        place.save_calibration(calibration)
    if recipe.remove or calibration or place.reviews.exists():
        writer = _Labels(place, debias, calibration, recipe.filters, said.say)
        writer.write(fall)
        told["labels"] = writer.told()
        reviewed = writer.reviewed
    else:
        place.clear_labels()
        lost = {loss.row_id for part in range(place.parts()) for loss in place.rows(Loss, part)}
        reviewed = [example for example in reviewed if example.verdict and example.verdict.id not in lost]
    if recipe.tasks.answered or reviewed:
        told["agreement"] = beside_people(reviewed, said.say)
    if ReviewStore(place).plan.exists():
        told[KEY] = figures(place, recipe, settings, said)


@dataclass(frozen=True)
class _Debias:
    """Takes the biases of teachers off verdicts."""

    found: Measured
    remove: Sequence[Removable]
    protocol: Protocol

    def told(self, example: Example) -> Example:
        """The example with the verdict that the teachers have given, less the biases that are removed."""
        verdict = example.verdict
        if not self.remove or verdict is None or verdict.margin is None:
            return example
        readings = pair_readings(example, self.found.families)
        margin = debiased_margin(readings, self.found.biases, self.remove)
        if "position" not in self.remove:
            # The protocol may have taken an offset off; where position is removed, the run's own takes its place.
            margin = round(margin + verdict.margin - debiased_margin(readings, {}, ()), 9) + 0.0
        tied = self.protocol.ties_where_inconsistent and verdict.consistent is False
        label = without_bias(verdict, margin, self.protocol.tie_margin, tied=tied)
        return example.model_copy(update={"verdict": label})


class _Labels:
    """Writes the labels of every part, and what filters drop of them."""

    def __init__(
        self,
        place: RunDirectory,
        debias: _Debias,
        calibration: Calibration | None,
        filters: Iterable[Filter],
        say: PeopleSay,
    ) -> None:
        self._place, self._debias, self._calibration, self._say = place, debias, calibration, say
        self._filters = [_own(plugin, place, calibration) for plugin in filters]
        self._changed = self._people = self._corrected = 0
        self._losses: list[Loss] = []
        self.reviewed: list[Example] = []
        """Examples that people have reviewed in a sample and whose verdict by the teachers the filters keep, with that
        verdict and the sample's reviews."""

    def write(self, fall: Waterfall) -> None:
        """Label, filter and count all verdicts."""
        place, count = self._place, fall[STAGE]
        count.kept = 0
        count.dropped.clear()
        for number, part in enumerate(judged(place)):
            heard = asked(place, number)
            labels: dict[str, Verdict] = {}
            for example in part:
                verdict, kept = self._label(example, heard)
                labels[verdict.comparison_id] = verdict
                count.kept += kept
            raw = place.rows(Verdict, number)
            place.write_labels(number, [labels.get(verdict.comparison_id, verdict) for verdict in raw])
            self._forget_drops(number)
        for loss in self._losses:
            count.lose(loss)
        others = [loss for loss in place.late_losses() if loss.stage != STAGE]
        place.write_late_losses([*self._losses, *others])

    def told(self) -> dict[str, Any]:
        """For the manifest: winners that the removal of biases changed, labels by people, how many of these differ from
        the teachers', and how many comparisons people have reviewed that no teacher could judge."""
        reviewed = collected(self._place).keys()
        failed = {
            verdict.comparison_id
            for part in range(self._place.parts())
            for verdict in self._place.rows(Verdict, part)
            if verdict.failure is not None
        }
        return {
            "removed": list(self._debias.remove),
            "changed_by_removal": self._changed,
            "by_people": self._people,
            "changed_by_people": self._corrected,
            "reviewed_without_verdict": len(reviewed & failed),
        }

    def _label(self, example: Example, heard: Mapping[str, Sequence[Judgment]]) -> tuple[Verdict, bool]:
        """The label of a comparison, and whether it is kept; `heard`: all judgments of each, failed ones, too."""
        assert example.verdict is not None
        assert example.comparison is not None
        told = self._debias.told(example)
        teachers = told.verdict or example.verdict
        self._changed += teachers.winner != example.verdict.winner
        if self._calibration is not None:
            teachers = with_confidence(teachers, example.judgments, self._calibration)
        # Where people were asked for this run, everyone who has judged the pair counts.
        asked_for = any(review.stratum is not None for review in example.reviews)
        verdict = by_people(teachers, self._say[example.comparison.id]) if asked_for else teachers
        self._people += PEOPLE in verdict.flags
        self._corrected += verdict.winner != teachers.winner
        judgments = tuple(heard.get(example.comparison.id, ()))
        loss = dropped_by(self._filters, example.comparison, judgments, teachers)
        # What is said of the teachers' agreement is of what would be published of theirs.
        if loss is None and (sampled := _sampled(example)).reviews:
            self.reviewed.append(sampled.model_copy(update={"verdict": teachers}))
        if loss is None or PEOPLE in verdict.flags:
            return verdict, True
        self._losses.append(loss)
        return verdict, False

    def _forget_drops(self, number: int) -> None:
        """Take out what filters dropped of the teachers' own verdicts, while the run went on: labels are filtered."""
        losses = self._place.rows(Loss, number)
        left = [loss for loss in losses if (loss.stage, loss.status) != (STAGE, "dropped")]
        if len(left) < len(losses):
            self._place.write(Loss, number, left)


def _sampled(example: Example) -> Example:
    """The example with those reviews only that say something about other labels."""
    return example.model_copy(
        update={"reviews": tuple(review for review in example.reviews if review.stratum in SAMPLED)}
    )


def _calibrated(examples: Sequence[Example], say: PeopleSay) -> tuple[Calibration | None, dict[str, Any]]:
    """The calibration, and what the manifest says of it."""
    try:
        found = calibrate(labelled(examples, say=say))
    except UserError as why:
        return None, {"undefined": str(why)}
    fit = found.reliability
    return found, {
        "labels": found.labels,
        "method": found.curve.method,
        "ece": round(fit.ece, 4),
        "ece_of_chance": round(fit.ece_of_chance, 4),
        "brier": round(fit.brier, 4),
    }


def _own(plugin: Filter, place: RunDirectory, calibration: Calibration | None) -> Filter:
    """The filter, with the run's own calibration where it names none."""
    if isinstance(plugin, Confident) and plugin.calibration is None and calibration is not None:
        return plugin.model_copy(update={"calibration": place.calibration})
    return plugin
