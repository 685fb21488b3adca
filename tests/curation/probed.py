"""Probe pairs of a simulated world and what its teachers say of them, in process: all but templates and sockets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prefmill.generators.probes import Probes
from prefmill.generators.probes.drawing import ORDERS, draw, kinds_for
from prefmill.generators.world.chance import Chance
from prefmill.generators.world.fingerprint import TASK_BITS, Fingerprints, Identity
from prefmill.generators.world.latent import latent
from prefmill.generators.world.opinion import form_opinion
from prefmill.generators.world.population import ANSWERERS, Answerer, Teacher
from prefmill.generators.world.prose import answer_text
from prefmill.generators.world.shown import Shown, answers_in
from prefmill.schemas.probe import Probe
from prefmill.schemas.rows import Answer, Comparison, Judgment, Message, Task

PROMPT = "[The Start of Assistant 1's Answer]\n{}\n\n[The End of Assistant 1's Answer]"


class Asking:
    """One world and its answers."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.chance, self.fingerprints = Chance(seed), Fingerprints(seed)
        self._read: dict[str, Shown] = {}

    def answer(self, task: Task, model: Answerer) -> Answer:
        identity = Identity(self.chance.integer(TASK_BITS, task.instruction), model.number, 0)
        words = latent(self.chance, identity).words
        text = answer_text(self.chance, self.fingerprints.word(identity), task.instruction, words)
        return Answer(task_id=task.id, model=model.name, family=model.family, text=text)

    def _shown(self, answer: Answer) -> Shown:
        text = answer.text or ""
        if text not in self._read:
            (self._read[text],) = answers_in(PROMPT.format(text), self.fingerprints)
        return self._read[text]

    def judged(
        self, comparison: Comparison, answers: Sequence[Answer], shown: tuple[int, ...], teacher: Teacher
    ) -> Judgment:  # fmt: skip
        seen = [self._shown(answers[place]) for place in shown]
        opinion = form_opinion(self.chance, teacher, seen, f"{comparison.id} {shown}")
        return Judgment(
            comparison_id=comparison.id, task_id=comparison.task_id, teacher=teacher.name, judge="judgelm",
            shown=shown, scores=opinion.grades,
        )  # fmt: skip

    def pairs(self, count: int) -> Iterator[tuple[Task, tuple[Answer, Answer], Comparison]]:
        for number in range(count):
            question = Message(
                role="user", content=f"How would river {number} be compared with the longest one nearby?"
            )
            task = Task(source_id=str(number), messages=(question,))
            one = self.chance.integer(16, "first", number) % len(ANSWERERS)
            other = (one + 1 + self.chance.integer(16, "second", number) % (len(ANSWERERS) - 1)) % len(ANSWERERS)
            answers = self.answer(task, ANSWERERS[one]), self.answer(task, ANSWERERS[other])
            names = answers[0].id, answers[1].id
            comparison = Comparison(task_id=task.id, answer_ids=names, models=(answers[0].model, answers[1].model))
            yield task, answers, comparison

    def probes(self, count: int, teachers: Sequence[Teacher]) -> list[Probe]:
        """Probe pairs of all kinds, drawn as a run with the default `probes` draws them."""
        probes = []
        for number, (task, answers, comparison) in enumerate(self.pairs(count)):
            pair = draw(kinds_for(Probes(share=1), self.seed, task, number), self.seed, task, answers, [comparison])
            assert pair is not None
            judgments = [
                self.judged(pair.comparison, pair.answers, order, teacher)
                for teacher in teachers
                for order in ORDERS[pair.kind]
            ]
            probes.append(
                Probe(
                    task_id=task.id, kind=pair.kind, comparison=pair.comparison, answers=pair.answers,
                    altered=pair.altered, judgments=tuple(judgments),
                )
            )  # fmt: skip
        return probes
