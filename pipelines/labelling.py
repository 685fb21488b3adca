"""After the stages: what sways the teachers is measured over the whole run, and verdicts become the published labels.

Measuring needs all judgments, and so does certainty that is calibrated to people's labels; so this comes after the
stages and before the exports. `5-verdicts` stays what the teachers said. Where biases are removed or people have
reviewed, `7-labels` holds the verdicts as they are published, and the filters on verdicts judge those.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..curation.bias import Bias, measure
from ..curation.bias_report import report
from ..curation.calibration import Calibration, calibrate
from ..curation.debias import debiased_margin, removable
from ..curation.filters import Filter
from ..curation.filters.confident import Confident
from ..curation.labelled import labelled
from ..curation.labels import by_people, with_confidence, without_bias
from ..curation.matches import matches_of
from ..curation.people import measure as beside_people
from ..curation.ranking import rank, ranking_plain
from ..curation.readings import Reading, probe_readings, readings_of
from ..generators.protocols import Piloted, Protocol
from ..schemas.errors import UserError
from ..schemas.labels import PEOPLE
from ..schemas.probe import Probe, Removable
from ..schemas.rows import Example, Loss, Verdict
from .curating import dropped_by
from .examples import judged
from .recipe import Recipe
from .reviews import SAMPLED
from .rundir import RunDirectory
from .waterfall import Waterfall

STAGE = "verdicts"


def label(place: RunDirectory, recipe: Recipe, fall: Waterfall) -> dict[str, Any]:
    """Measure, and write the labels of a run whose parts are complete; what the manifest says of it.

    Keys: `bias` (`curation/bias_report.py`), `ranking`, `calibration`, `agreement` and `labels`, each where there is
    something to say. `fall`: its stage `verdicts` is counted anew where the labels are filtered. Raises `UserError`
    where a bias is to be removed that the run could not measure.
    """
    protocol = recipe.judge.protocol
    if protocol is None:
        return {}
    seen = _Survey(place, protocol, {one.label: one.family for one in recipe.judge.teachers})
    told: dict[str, Any] = {"ranking": {"raw": seen.ranking()}}
    biases: dict[str, Bias] = {}
    if protocol.pairs_only:
        probes = [probe for part in range(place.parts()) for probe in place.rows(Probe, part)]
        equal = probe_readings(probes, seen.families)
        swapped = [
            reading
            for probe in probes
            if probe.kind == "swapped"
            for reading in readings_of(probe.comparison, probe.answers, probe.judgments, seen.families)
        ]
        teachers = [one.label for one in recipe.judge.teachers]
        told["bias"] = report([*seen.readings, *swapped], equal, probes, teachers=teachers)
        biases = measure([*seen.readings, *swapped], equal)
        removable(biases, sorted({reading.teacher for reading in seen.readings}), recipe.remove)
    debias = _Debias(biases, recipe.remove, protocol.tie_margin, seen.families)
    if recipe.remove:
        told["ranking"]["debiased"] = _ranking(debias.told(example) for part in judged(place) for example in part)
    reviewed = [_sampled(debias.told(example)) for example in seen.reviewed]
    calibration: Calibration | None = None
    if reviewed:
        calibration, told["calibration"] = _calibrated([example for example in reviewed if example.reviews])
        place.save_calibration(calibration)
    if recipe.remove or calibration or place.reviews.exists():
        writer = _Labels(place, debias, calibration, recipe.filters)
        writer.write(fall)
        told["labels"] = writer.told()
        reviewed = writer.reviewed
    else:
        place.clear_labels()
        lost = {loss.row_id for part in range(place.parts()) for loss in place.rows(Loss, part)}
        reviewed = [example for example in reviewed if example.verdict and example.verdict.id not in lost]
    if recipe.tasks.answered or reviewed:
        told["agreement"] = beside_people(reviewed)
    return told


@dataclass
class _Survey:
    """All that one walk through the judged comparisons collects."""

    place: RunDirectory
    protocol: Protocol
    teachers: dict[str, str | None]
    """Teacher -> its family."""
    readings: list[Reading] = field(default_factory=list)
    """What was asked whatever had been heard: a protocol that asks further only about close pairs would make every
    teacher look as if it were never sure."""
    reviewed: list[Example] = field(default_factory=list)

    def ranking(self) -> dict[str, Any]:
        """The ranking of the answering models by the teachers' own verdicts, before filters; collects on the way."""
        return _ranking(self._walk())

    def _walk(self) -> Iterator[Example]:
        for part in judged(self.place):
            for example in part:
                if self.protocol.pairs_only:
                    self.readings += _readings(self._unselected(example), self.families)
                if example.reviews:
                    self.reviewed.append(example)
                yield example

    @property
    def families(self) -> dict[str, str]:
        """Teacher -> its family, of those that have one."""
        return {name: family for name, family in self.teachers.items() if family}

    def _unselected(self, example: Example) -> Example:
        protocol, comparison = self.protocol, example.comparison
        if comparison is None or not isinstance(protocol, Piloted):
            return example
        if example.index < protocol.pilot and protocol.teaches(comparison):
            return example
        panel = protocol.panel(self.teachers, {answer.family for answer in example.answers if answer.family})
        always = {(ask.teacher, ask.shown) for ask in protocol.opening(comparison, panel, (False,))}
        kept = tuple(one for one in example.judgments if (one.teacher, one.shown) in always)
        return example.model_copy(update={"judgments": kept})


@dataclass(frozen=True)
class _Debias:
    """Takes the biases of teachers off verdicts."""

    biases: dict[str, Bias]
    remove: Sequence[Removable]
    tie_margin: float
    families: dict[str, str]

    def told(self, example: Example) -> Example:
        """The example with the verdict that the teachers have given, less the biases that are removed."""
        verdict = example.verdict
        if not self.remove or verdict is None or verdict.margin is None:
            return example
        margin = debiased_margin(_readings(example, self.families), self.biases, self.remove)
        return example.model_copy(update={"verdict": without_bias(verdict, margin, self.tie_margin)})


class _Labels:
    """Writes the labels of every part, and what filters drop of them."""

    def __init__(
        self, place: RunDirectory, debias: _Debias, calibration: Calibration | None, filters: Iterable[Filter]
    ) -> None:
        self._place, self._debias, self._calibration = place, debias, calibration
        self._filters = [_own(plugin, place, calibration) for plugin in filters]
        self._changed = self._people = self._corrected = 0
        self._losses: list[Loss] = []
        self.reviewed: list[Example] = []
        """Kept examples that people have reviewed in a sample, with the teachers' verdict and the sample's reviews."""

    def write(self, fall: Waterfall) -> None:
        """Label, filter and count all verdicts."""
        place, count = self._place, fall[STAGE]
        count.kept = 0
        count.dropped.clear()
        for number, part in enumerate(judged(place)):
            labels: dict[str, Verdict] = {}
            for example in part:
                verdict, kept = self._label(example)
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
        """For the manifest: winners that the removal of biases changed, labels by people, and how many of these differ
        from the teachers'."""
        return {
            "removed": list(self._debias.remove),
            "changed_by_removal": self._changed,
            "by_people": self._people,
            "changed_by_people": self._corrected,
        }

    def _label(self, example: Example) -> tuple[Verdict, bool]:
        """The label of a comparison, and whether the filters keep it."""
        assert example.verdict is not None
        assert example.comparison is not None
        told = self._debias.told(example)
        teachers = told.verdict or example.verdict
        self._changed += teachers.winner != example.verdict.winner
        if self._calibration is not None:
            teachers = with_confidence(teachers, example.judgments, self._calibration)
        collected = [review for review in example.reviews if review.stratum is not None]
        verdict = by_people(teachers, collected)
        self._people += PEOPLE in verdict.flags
        self._corrected += verdict.winner != teachers.winner
        loss = dropped_by(self._filters, example.comparison, example.judgments, verdict)
        if loss is not None:
            self._losses.append(loss)
        elif (sampled := _sampled(example)).reviews:
            self.reviewed.append(sampled.model_copy(update={"verdict": teachers}))
        return verdict, loss is None

    def _forget_drops(self, number: int) -> None:
        """Take out what filters dropped of the teachers' own verdicts, while the run went on: labels are filtered."""
        losses = self._place.rows(Loss, number)
        left = [loss for loss in losses if (loss.stage, loss.status) != (STAGE, "dropped")]
        if len(left) < len(losses):
            self._place.write(Loss, number, left)


def _readings(example: Example, families: dict[str, str]) -> list[Reading]:
    """What the judgments say that the verdict rests on."""
    verdict, comparison = example.verdict, example.comparison
    if verdict is None or comparison is None or len(example.answers) != 2:
        return []
    used = [judgment for judgment in example.judgments if judgment.id in verdict.judgment_ids]
    return readings_of(comparison, example.answers, used, families)


def _ranking(examples: Iterable[Example]) -> dict[str, Any]:
    try:
        return ranking_plain(rank(matches_of(examples)))
    except UserError as why:
        return {"undefined": str(why)}


def _sampled(example: Example) -> Example:
    """The example with those reviews only that say something about other labels."""
    return example.model_copy(
        update={"reviews": tuple(review for review in example.reviews if review.stratum in SAMPLED)}
    )


def _calibrated(examples: Sequence[Example]) -> tuple[Calibration | None, dict[str, Any]]:
    """The calibration, and what the manifest says of it."""
    try:
        found = calibrate(labelled(examples))
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
