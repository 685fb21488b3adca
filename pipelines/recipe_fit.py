"""Whether the parts of a recipe fit together: what one key says about another. Each misfit is a key and a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..curation.filters import Filter
from ..curation.filters.agreeing_grades import AgreeingGrades
from ..generators.authoring.aimed import Aim
from ..generators.comparisons import Compare
from ..generators.judges import Judge
from ..generators.probes import Probes
from ..generators.providers import Provider
from ..generators.sources import Source
from ..schemas.errors import Unaskable, known
from ..schemas.formats import Format
from ..schemas.formats._split import share_of
from ..schemas.plugins import names
from ..schemas.probe import Removable
from ..schemas.rows import Answer, Message, Reference, Task
from ..schemas.rubric import Level, Rubric
from .recipe import Panel
from .splitting.settings import Splitting

Misfit = tuple[str, str]
"""Key path, and what is wrong there."""


def answers_fit(source: Source, answers: Sequence[Provider]) -> Iterator[Misfit]:
    """Somebody answers, unless the answers come with the tasks."""
    if source.answered and answers:
        yield "answers", f"source {source.plugin_name()!r} brings the answers: leave this key out."
    elif not source.answered and not answers:
        yield "answers", f"missing. A list of {{provider: NAME, …}}. {known('', names('provider'))}"


def compare_fits(compare: Compare, slots: Sequence[str], panel: Panel) -> Iterator[Misfit]:
    """There is something to compare, and somebody who can; `slots`: the model's name for each answer to a task."""
    if compare.pairs == "none":
        if not panel.judge.single:
            name = panel.judge.plugin_name()
            yield "compare.pairs", f"{name!r} compares answers, and `none` leaves it none to compare."
        return
    if compare.baseline is not None and compare.baseline not in slots:
        what = f"no answering model named {compare.baseline!r}. {known(compare.baseline, set(slots))}"
        yield "compare.pairs.baseline", what
    elif compare.wanted(slots) == 0:
        yield "answers", "one answer to a task cannot be compared. Add a model, or give `samples: 2`."
    protocol, most = panel.protocol, panel.judge.most_answers
    if compare.pairs == "together" and most is not None and len(slots) > most:
        what = f"{panel.judge.plugin_name()!r} is shown {most} answers at most, and a task has {len(slots)}."
        yield "compare.pairs", f"{what} Take pairs, or another judge."
    if compare.pairs == "together" and len(slots) > 2 and protocol is not None and protocol.pairs_only:
        yield "judge.protocol", f"{protocol.plugin_name()!r} compares pairs. For `together` take `listwise`."


def panel_fits(panel: Panel) -> Iterator[Misfit]:
    """There are as many teachers as the protocol needs."""
    protocol, teachers = panel.protocol, len(panel.teachers)
    if protocol is not None and teachers < protocol.fewest_teachers:
        what = f"{protocol.plugin_name()!r} needs at least {protocol.fewest_teachers} teachers (got {teachers})."
        yield "judge.teachers", what
    if protocol is not None and protocol.own_reference is not None:
        shows = f"{protocol.plugin_name()!r} shows each teacher its own answer as the reference"
        if not _can_show_reference(panel.judge):
            yield "judge.judge", f"{shows}, and {panel.judge.plugin_name()!r} as set here has no place for one."
        elif panel.judge.reference == "never":
            yield "judge.reference", f"{shows}, and `never` forbids it. Leave this key out, or take another protocol."


def _can_show_reference(judge: Judge) -> bool:
    """Whether a judge that can be asked about a task can also be asked with the task's reference shown."""
    levels = tuple(Level(score=score, description="As good as that.") for score in range(1, 6))
    task = Task(
        messages=(Message(role="user", content="Why?"),),
        reference=Reference(text="So."),
        rubric=Rubric(criteria="Is it right?", levels=levels),
    )
    answers = [Answer(task_id=task.id, model=model, text="So.") for model in ("first", "second")]
    for with_reference in (False, True):
        try:
            judge.questions(task, answers, with_reference)
        except (Unaskable, ValueError):
            # One that cannot even be asked without it wants another task; nothing is known of it.
            return not with_reference
    return True


def aim_fits(aim: Aim, source: Source, answers: Sequence[Provider], panel: Panel) -> Iterator[Misfit]:
    """Somebody writes answers that aim at scores, and somebody grades them where the grid is to be even."""
    if source.answered:
        yield "aim", f"source {source.plugin_name()!r} brings the answers: none can aim at a score."
    for index, model in enumerate(answers):
        if model.local:
            what = f"{model.plugin_name()!r} holds answers, and none of them aims at a score."
            yield f"answers[{index}].provider", what
    if aim.flat and not panel.judge.single:
        name = panel.judge.plugin_name()
        yield "aim.flat", f"{name!r} compares answers; an even grid needs a judge that grades them."


def filters_fit(filters: Sequence[Filter], panel: Panel) -> Iterator[Misfit]:
    """No filter drops everything."""
    asked = len(panel.teachers)
    for index, plugin in enumerate(filters):
        if isinstance(plugin, AgreeingGrades) and asked < plugin.least:
            what = f"{plugin.least} teachers are to agree, and {asked} is asked: all would be dropped."
            yield f"filters[{index}].least", what


def split_fits(split: Splitting, slots: Sequence[str] | None, exports: Sequence[Format]) -> Iterator[Misfit]:
    """Models that are held out do answer, and every format has a place for what is held out.

    `slots`: the model's name for each answer to a task, None where answers come with the tasks.
    """
    for index, plugin in enumerate(exports):
        if split.hold_out and share_of(plugin) is None:
            what = f"{plugin.plugin_name()!r} does not divide its rows, and `split.hold_out` keeps some from training."
            yield f"exports[{index}]", f"{what} Leave one of the two out."
    for index, model in enumerate(split.hold_out.models):
        if slots is not None and model not in slots:
            yield f"split.hold_out.models[{index}]", f"no answering model {model!r}. {known(model, set(slots))}"


def bias_fits(probes: Probes | None, remove: Sequence[Removable], compare: Compare, panel: Panel) -> Iterator[Misfit]:
    """Biases are measured where they are to be removed, and there are pairs to measure them on."""
    pairs = panel.protocol is not None and panel.protocol.pairs_only and compare.pairs != "none"
    for key, wanted in (("probes", probes), ("remove", remove)):
        if wanted and not pairs:
            yield key, "biases are measured where teachers compare two answers at a time, and they do not here."
    if not pairs:
        return
    measured = {"length": "padded", "format": "reformatted", "label": "relabelled"}
    both = panel.protocol is not None and panel.protocol.calls(1, 1) > 1
    for index, bias in enumerate(remove):
        kind = measured.get(bias)
        if bias == "position" and probes is None and not both:
            what = "'position' is measured on pairs in both orders, and there are none. Give `probes: {}`."
            yield f"remove[{index}]", what
        if kind is not None and (probes is None or kind not in probes.kinds):
            yield (
                f"remove[{index}]",
                f"{bias!r} is measured on {kind!r} probes, and there are none. Give `probes: {{}}`.",
            )


def exports_fit(exports: Sequence[Format], compare: Compare, panel: Panel) -> Iterator[Misfit]:
    """Each format gets the kind of examples it is for."""
    for index, plugin in enumerate(exports):
        where, name, judge = f"exports[{index}]", plugin.plugin_name(), panel.judge.plugin_name()
        if plugin.takes == "grade" and not panel.judge.single:
            yield where, f"{name!r} holds graded answers, and judge {judge!r} compares. Take a judge that grades."
        elif plugin.takes == "comparison" and compare.pairs == "none":
            yield where, f"{name!r} holds comparisons, and none are made. Give `compare: {{pairs: all}}`."
