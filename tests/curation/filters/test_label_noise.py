"""Labels that are likely wrong: many more of the planted ones are flagged than by chance."""

from __future__ import annotations

import random
from itertools import combinations

import numpy as np
import pytest

from prefmill.curation.filters.label_noise import LabelNoise
from prefmill.curation.label_errors.confident import doubtful
from prefmill.curation.label_errors.features import Pairs
from prefmill.schemas.rows import Answer, Comparison, Example, Grade, Message, Split, Task, Verdict

STRENGTHS = {"a": 0.9, "b": 0.3, "c": -0.3, "d": -0.9}
GOOD, BAD = [f"apt{number}" for number in range(40)], [f"off{number}" for number in range(40)]


def planted(tasks: int, flips: float, seed: int = 0, known: float = 1.0) -> tuple[list[Example], set[str]]:
    """All pairs of four answers to each task, a share of them with the wrong winner; ids of these verdicts.

    `known`: how far models and texts tell how good an answer is; 0: winners are drawn by a coin.
    """
    draw = random.Random(seed)
    found: list[Example] = []
    wrong: set[str] = set()
    for number in range(tasks):
        task = Task(source_id=str(number), messages=(Message(role="user", content="Why?"),))
        quality = {model: draw.gauss(STRENGTHS[model], 1) * known for model in STRENGTHS}
        answers = {
            model: Answer(task_id=task.id, model=model, text=" ".join(
                draw.choice(GOOD if draw.random() < 0.5 + 0.1 * quality[model] else BAD) for _ in range(25)
            ))
            for model in STRENGTHS
        }  # fmt: skip
        for pair in combinations(STRENGTHS, 2):
            one, other = draw.sample(pair, 2)
            margin = quality[one] - quality[other] + draw.gauss(0, 0.3 if known else 1)
            flipped = draw.random() < flips
            margin = round(-margin if flipped else margin, 2) or 0.01
            comparison = Comparison(
                task_id=task.id, answer_ids=(answers[one].id, answers[other].id), models=(one, other)
            )
            verdict = Verdict(comparison_id=comparison.id, task_id=task.id, protocol="one_order", judgment_ids=(),
                              winner="first" if margin > 0 else "second", margin=margin)  # fmt: skip
            if flipped:
                wrong.add(verdict.id)
            found.append(Example(index=len(found), task=task, answers=(answers[one], answers[other]),
                                 comparison=comparison, verdict=verdict))  # fmt: skip
    return found, wrong


def test_planted_labels_are_flagged_and_nothing_is_dropped() -> None:
    rows, wrong = planted(200, 0.1)
    chosen = LabelNoise().choose(lambda: rows)
    hits = len(chosen.flagged.keys() & wrong)
    assert not chosen.dropped
    assert len(chosen.flagged) <= 0.1 * len(rows)
    assert hits / len(chosen.flagged) > 0.5, "by chance it is 0.1"
    assert hits / len(wrong) > 0.4, "by chance it is 0.1"
    assert chosen.told["predicted"] > 0.7
    assert chosen.told["likely_wrong"] >= chosen.told["flagged"] == len(chosen.flagged)
    assert all("% sure of the other answer" in why for why in chosen.flagged.values())
    assert LabelNoise().choose(lambda: rows).flagged == chosen.flagged


def test_the_surest_are_flagged_first() -> None:
    rows, wrong = planted(150, 0.1, seed=1)
    few, many = (set(LabelNoise(most=most).choose(lambda: rows).flagged) for most in (0.03, 0.2))
    assert few < many
    assert len(few & wrong) / len(few) > len(many & wrong) / len(many)


def test_where_labels_cannot_be_predicted_none_is_flagged() -> None:
    rows, _ = planted(60, 0.1, known=0)
    chosen = LabelNoise().choose(lambda: rows)
    assert not chosen.flagged
    assert "labels cannot be predicted from the others" in chosen.told["undefined"]
    assert LabelNoise().choose(lambda: rows[:40]).told["undefined"].startswith("40 labels are too few")
    assert LabelNoise().choose(list).told["undefined"].startswith("0 labels are too few")


def test_columns_change_sign_with_the_order_and_know_nothing_of_the_pairs_own_verdict() -> None:
    rows, _ = planted(3, 0)
    pairs, columns = Pairs.read(rows)
    turned = [_turned(row) for row in rows]
    again, other = Pairs.read(turned)
    assert other == pytest.approx(-columns, abs=1e-5)
    assert again.first_won == pytest.approx(1 - pairs.first_won)
    # Its own verdict the other way: its own row stays, those of the task's other pairs change.
    changed, own = Pairs.read([_contradicted(rows[0]), *rows[1:]])
    assert changed.judged[0].margin == -pairs.judged[0].margin
    names = len(STRENGTHS)
    scale = columns[6:, names] / own[6:, names]  # columns are scaled to one mean square
    assert np.allclose(scale, scale[0])
    assert own[0, names] * scale[0] == pytest.approx(columns[0, names])
    assert not np.allclose(own[1:6, names] * scale[0], columns[1:6, names])


def test_ties_and_comparisons_of_several_are_left_out_and_grades_count() -> None:
    rows, _ = planted(2, 0)
    assert rows[0].verdict is not None
    tie = rows[0].model_copy(update={"verdict": rows[0].verdict.model_copy(update={"winner": "tie", "margin": 0.0})})
    alone = rows[1].model_copy(update={"comparison": None, "verdict": None, "answers": rows[1].answers[:1]})
    first, second = rows[2].answers
    grades = tuple(
        Grade(answer_id=answer.id, task_id=rows[2].task.id, teacher="t", judge="prometheus_absolute", score=score)
        for answer, score in ((first, 5), (second, 2))
    )
    near = rows[2].model_copy(update={"grades": grades, "split": Split(group="0" * 16)})
    pairs, columns = Pairs.read([tie, alone, near, rows[3]])
    assert pairs.groups == ["0" * 16, rows[3].task.id]
    graded = columns[
        :, len({name for row in (near, rows[3]) for name in (row.comparison.models if row.comparison else ())}) + 1
    ]
    assert graded[0] > 0 and graded[1] == 0


def test_the_confident_joint() -> None:
    draw = np.random.default_rng(0)
    truth = draw.normal(size=600)
    labels = (truth > 0).astype(np.float64)
    labels[:30] = 1 - labels[:30]
    found = doubtful(truth[:, None], labels, [str(row) for row in range(600)])
    assert not isinstance(found, str)
    assert found.accuracy == pytest.approx(0.95, abs=0.01)
    sure = np.abs(truth[:30]) > 1
    assert found.wrong[:30][sure].all() and found.wrong[30:].mean() < 0.01
    assert doubtful(truth[:, None], labels, ["one"] * 600) == "all labels are of one group of tasks"


def _turned(row: Example) -> Example:
    assert row.comparison is not None and row.verdict is not None and row.verdict.margin is not None
    verdict = row.verdict.model_copy(
        update={"winner": "second" if row.verdict.winner == "first" else "first", "margin": -row.verdict.margin}
    )
    return row.model_copy(
        update={"comparison": row.comparison.swapped(), "answers": row.answers[::-1], "verdict": verdict}
    )


def _contradicted(row: Example) -> Example:
    turned = _turned(row)
    return row.model_copy(update={"verdict": turned.verdict})
