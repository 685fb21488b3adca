"""The endpoint without its sockets: a request's bytes in, status and body out.

Everything is decided by the world's seed, the request's body and how often that body has come before. What a reply
says counts only earlier replies that were handed over, so a world with faults says, once retried, what a world
without them says. A request with a `seed` gets the same reply each time, as OpenAI's API aims at.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import orjson
from pydantic import ValidationError

from ...schemas.errors import known
from .boundary import BOUNDARY
from .chance import Chance
from .chat import ChatRequest, completion, error, tokens
from .fingerprint import DRAW_BITS, TASK_BITS, Fingerprints, Identity
from .latent import latent
from .logprobs import logprobs
from .opinion import form_opinion
from .population import ANSWERERS, BY_NAME, Answerer, Teacher
from .prose import REFUSAL, UNREADABLE, answer_text, cut
from .replies import reply_to
from .said import Said, text_of
from .settings import WorldSettings
from .shown import answers_in, reference_in
from .writing import Wanted, written

_WORD = re.compile(r"\S+")
_NO_ANSWER = (
    "no answer of this world stands in the prompt: a teacher can only judge texts by the models of a simulated world "
    "with the same seed, unaltered up to their fingerprint"
)


@dataclass(slots=True)
class _Seen:
    """How often one body has come."""

    arrived: int = 0
    delivered: int = 0


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request that came in, and what will become of it."""

    key: str
    """Hash of the body."""
    number: int
    """How often the same body had arrived before."""
    request: ChatRequest | None
    fault: str | None
    """Name of the fault that will hit it (a field of `Faults`)."""
    delay: float
    """Seconds until the reply is due."""
    refused: tuple[int, dict[str, Any]] | None = None
    """Status and error body, for a request that is no good."""


@dataclass
class Endpoint:
    """One running world: its random source, its memory of what came in, and its books."""

    settings: WorldSettings
    codes: Counter[int] = field(default_factory=Counter)
    billed: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    in_flight: int = 0
    in_flight_peak: int = 0

    def __post_init__(self) -> None:
        self._chance = Chance(self.settings.seed)
        self._fingerprints = Fingerprints(self.settings.seed)
        self._seen: defaultdict[str, _Seen] = defaultdict(_Seen)
        shares = [(name, share) for name, share in self.settings.faults if share]
        self._faults = [
            (name, sum(share for _, share in shares[: index + 1])) for index, (name, _) in enumerate(shares)
        ]

    def arrive(self, body: bytes, authorization: str | None) -> Arrival:
        """Takes a request in: counts it, checks it, and draws its fault and latency."""
        try:
            content = orjson.loads(body)
            body = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
        except orjson.JSONDecodeError as problem:
            content = problem
        key = hashlib.blake2b(body, digest_size=12).hexdigest()
        number = self._seen[key].arrived
        self._seen[key].arrived += 1
        if (refusal := self.unauthorized(authorization)) is not None:
            return Arrival(key, number, None, None, 0, refusal)
        try:
            if isinstance(content, orjson.JSONDecodeError):
                return self._bad(key, number, f"the body is not JSON: {content}")
            request = ChatRequest.model_validate(content)
        except ValidationError as problem:
            first = problem.errors(include_url=False)[0]
            return self._bad(key, number, f"{'.'.join(map(str, first['loc'])) or 'body'}: {first['msg']}")
        if request.model not in BY_NAME:
            message = f"the model {request.model!r} does not exist. {known(request.model, BY_NAME)}"
            return Arrival(
                key, number, None, None, 0, (404, error(message, "invalid_request_error", "model_not_found", "model"))
            )
        return Arrival(key, number, request, self._fault(key, number), self._delay(key, number))

    def _bad(self, key: str, number: int, message: str) -> Arrival:
        return Arrival(key, number, None, None, 0, (400, error(message, "invalid_request_error")))

    def unauthorized(self, authorization: str | None) -> tuple[int, dict[str, Any]] | None:
        """Status and error body for a wrong key; None where the key is right or none is asked for."""
        if self.settings.api_key is None or authorization == f"Bearer {self.settings.api_key}":
            return None
        return 401, error("incorrect API key provided", "invalid_request_error", "invalid_api_key")

    def _fault(self, key: str, number: int) -> str | None:
        if not self._faults:
            return None
        (chance,) = self._chance.uniforms(1, "fault", key, number)
        return next((name for name, below in self._faults if chance < below), None)

    def _delay(self, key: str, number: int) -> float:
        if not self.settings.latency:
            return 0
        (spread,) = self._chance.normals(1, "latency", key, number)
        return self.settings.latency * math.exp(self.settings.latency_sigma * spread)

    def reply(self, arrival: Arrival) -> tuple[int, dict[str, Any]]:
        """Status and body for a request whose time has come; a completion is billed and counted as delivered."""
        status, body = arrival.refused or self._respond(arrival)
        self.codes[status] += 1
        return status, body

    def _respond(self, arrival: Arrival) -> tuple[int, dict[str, Any]]:
        request, fault = arrival.request, arrival.fault
        assert request is not None
        if fault == "rate_limited":
            return 429, error("rate limit reached, as planted", "rate_limit_error", "rate_limit_exceeded")
        if fault == "server_error":
            return 500, error("server error, as planted", "server_error")
        if fault == "hang":
            return 504, error("no reply in time, as planted", "server_error")
        member = BY_NAME[request.model]
        seen = self._seen[arrival.key]
        call = arrival.key if request.seed is not None else f"{arrival.key} {seen.delivered}"
        said = (
            self._answer(member, request, call) if isinstance(member, Answerer) else self._judge(member, request, call)
        )
        if said is None:
            return 400, error(_NO_ANSWER, "invalid_request_error", "no_simulated_answer", "messages")
        seen.delivered += 1
        text, finish_reason = self._spoilt(text_of(said), fault, arrival)
        limit = request.token_limit
        if limit is not None and tokens(text) > limit:
            text, finish_reason = _first_words(text, limit * 3 // 4), "length"
        usage = (tokens(request.prompt), tokens(text))
        bill = self.billed[request.model]
        bill[0] += usage[0]
        bill[1] += usage[1]
        wanted = request.logprobs and self.settings.logprobs
        likely = logprobs(said, text, request.top_logprobs or 0) if wanted else None
        identifier = f"chatcmpl-{arrival.key}-{arrival.number}"
        return 200, completion(identifier, request.model, text, finish_reason, usage, logprobs=likely)

    def _answer(self, model: Answerer, request: ChatRequest, call: str) -> Said:
        text = written(Wanted(self._chance, self._fingerprints, model, request.prompt, call))
        if text is not None:
            return (text,)
        asked = [part for turn in request.messages for part in (turn.role, turn.text)]
        task = self._chance.integer(TASK_BITS, "task", *asked)
        identity = Identity(task, model.number, self._chance.integer(DRAW_BITS, "draw", call))
        words = latent(self._chance, identity).words
        return (answer_text(self._chance, self._fingerprints.word(identity), request.question, words),)

    def _judge(self, teacher: Teacher, request: ChatRequest, call: str) -> Said | None:
        shown = answers_in(request.prompt, self._fingerprints)
        if not shown:
            # A plain question, as for a reference of its own, it answers like the best model; what looks like a judge's
            # template is one whose answers are no longer readable.
            plain = BOUNDARY.search(f"\n{request.prompt}") is None
            return self._answer(ANSWERERS[0], request, call) if plain else None
        helped = reference_in(request.prompt, self._fingerprints)
        opinion = form_opinion(self._chance, teacher, shown, call, with_reference=helped)
        return reply_to(self._chance, request, opinion, call)

    def _spoilt(self, text: str, fault: str | None, arrival: Arrival) -> tuple[str, str]:
        """The text as a fault leaves it, and its finish reason."""
        if fault == "truncated":
            (share,) = self._chance.uniforms(1, "cut", arrival.key, arrival.number)
            return cut(text, 0.2 + 0.6 * share), "length"
        if fault == "empty":
            return "", "stop"
        if fault == "refusal":
            return REFUSAL, "stop"
        if (
            fault == "unreadable"
            and arrival.request is not None
            and isinstance(BY_NAME[arrival.request.model], Teacher)
        ):
            return UNREADABLE, "stop"
        return text, "stop"

    def stats(self) -> dict[str, Any]:
        """Requests that arrived, by whether their body was new; replies by status; tokens billed by model."""
        total = sum(seen.arrived for seen in self._seen.values())
        return {
            "requests": total,
            "distinct": len(self._seen),
            "repeats": total - len(self._seen),
            "in_flight": self.in_flight,
            "in_flight_peak": self.in_flight_peak,
            "codes": {str(code): count for code, count in sorted(self.codes.items())},
            "tokens": dict(self.billed),
        }


def _first_words(text: str, count: int) -> str:
    """The beginning of a text, with so many words and its line breaks."""
    for index, match in enumerate(_WORD.finditer(text), start=1):
        if index == count:
            return text[: match.end()]
    return text
