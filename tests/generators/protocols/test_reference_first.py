"""Reference first, driven by hand: whose reference is shown in which question."""

from __future__ import annotations

import pytest

from prefmill.generators.protocols import Ask, Protocol
from prefmill.generators.protocols.both_orders import BothOrders
from prefmill.generators.protocols.reference_first import ReferenceFirst
from prefmill.schemas.plugins import load
from prefmill.schemas.row import Failure
from prefmill.schemas.rows import Comparison, Judgment, Verdict

PAIR = Comparison(task_id="t", answer_ids=("x", "y"), models=("a", "b"))
FORWARD, BACKWARD = (0, 1), (1, 0)


def judgment(ask: Ask, scores: tuple[float, float] | None) -> Judgment:
    return Judgment(
        comparison_id=PAIR.id,
        task_id="t",
        teacher=ask.teacher,
        judge="judgelm",
        shown=ask.shown,
        with_reference=ask.with_reference,
        own_reference="So." if ask.own_reference and scores else None,
        scores=scores,
        failure=None if scores else Failure(kind="timeout", message="the reference failed: no reply within 5 s"),
    )


@pytest.mark.parametrize("replace", [False, True])
def test_questions_with_a_reference_show_the_teacher_s_own(replace: bool) -> None:
    """The protocol does not know which tasks have one: it says when its own is to be shown."""
    assert load(Protocol, "reference_first") is ReferenceFirst
    protocol = ReferenceFirst(replace=replace)
    assert protocol.own_reference == ("always" if replace else "where_missing")
    asks = next(protocol.run(PAIR, ("t", "u"), (True, False)))
    assert asks == [
        Ask(teacher, shown, mode, own_reference=protocol.own_reference if mode else None)
        for mode in (True, False)
        for teacher in ("t", "u")
        for shown in (FORWARD, BACKWARD)
    ]
    assert len(asks) == protocol.calls(2, 2)
    one = ReferenceFirst(orders="one")
    assert next(one.run(PAIR, ("t",), (True,))) == [Ask("t", FORWARD, True, own_reference="where_missing")]
    assert one.calls(1, 1) == 1
    assert BothOrders().own_reference is None


def test_it_settles_like_both_orders_and_failures_say_why() -> None:
    run = ReferenceFirst(tie_margin=1).run(PAIR, ("t", "u"), (True,))
    asks = next(run)
    with pytest.raises(StopIteration) as ended:
        run.send(
            [
                judgment(ask, (7, 4) if ask.shown == FORWARD else (6, 5)) if ask.teacher == "t" else judgment(ask, None)
                for ask in asks
            ]
        )
    verdict: Verdict = ended.value.value
    assert (verdict.protocol, verdict.winner, verdict.margin) == ("reference_first", "tie", 1)
    run = ReferenceFirst().run(PAIR, ("t",), (True,))
    with pytest.raises(StopIteration) as ended:
        run.send([judgment(ask, None) for ask in next(run)])
    verdict = ended.value.value
    assert verdict.failure is not None
    assert verdict.failure.kind == "no_judgment"
    assert "timeout: the reference failed" in verdict.failure.message


def test_whose_reference_it_was_is_part_of_a_judgment_s_identity() -> None:
    own, given = (judgment(Ask("t", FORWARD, True, own_reference=by), (7, 4)) for by in ("always", None))
    assert own.id != given.id
