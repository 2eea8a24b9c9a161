"""Commands that were answered before (protocol 1.2): the same user's same request id gets the first answer."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from bodhisattva.servers.core.errors import ErrorCode, ServiceError, Unavailable
from bodhisattva.servers.core.log.base import StoredAnswer


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a request came to: data, or an error's code, message and data.

    data: JSON, encoded at once, since the state that it was made of moves on before it is sent.
    """

    data: msgspec.Raw
    code: ErrorCode | None = None
    message: str = ""

    @classmethod
    def of(cls, data: dict[str, Any]) -> "Outcome":
        return cls(_raw(data))

    @classmethod
    def refused(cls, error: ServiceError) -> "Outcome":
        return cls(_raw(error.data), error.code, error.message)

    def decoded(self) -> dict[str, Any]:
        return msgspec.json.decode(self.data, type=dict[str, Any])


def _raw(data: dict[str, Any]) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(data))


UNAVAILABLE = Outcome.refused(
    Unavailable("The store cannot be written now; try again with the same id.", retry_after=1.0)
)
INTERNAL = Outcome.refused(ServiceError("The request could not be handled."))

Answer = Callable[[Outcome], None]


def answering(future: "asyncio.Future[Outcome]") -> Answer:
    """Sets the future's result, unless whoever waited for it has given up."""

    def answer(outcome: Outcome) -> None:
        if not future.done():
            future.set_result(outcome)

    return answer


Key = tuple[str, str]
_WHOLE = 64  # characters of an id that are kept as they are


def key_of(user_id: str, request_id: str) -> Key:
    """What a request is known by. A client may choose a long id, and need not be remembered at such length."""
    if len(request_id) > _WHOLE:
        request_id = f"sha256:{hashlib.sha256(request_id.encode()).hexdigest()}"
    return user_id, request_id


class Answers:
    """The outcomes within the window, and the askers that wait for one in the making. window: seconds."""

    def __init__(self, window: float) -> None:
        self.window = window
        self._known: dict[Key, tuple[float, Outcome]] = {}
        self._waiting: dict[Key, list[Answer]] = {}

    def __len__(self) -> int:
        return len(self._known)

    def load(self, stored: Sequence[StoredAnswer]) -> None:
        self._known = {
            (answer.user_id, answer.request_id): (
                answer.at,
                msgspec.json.decode(answer.outcome, type=Outcome),
            )
            for answer in sorted(stored, key=lambda answer: answer.at)
        }

    def is_repeated(self, key: Key, answer: Answer, now: float) -> bool:
        """Whether `key` came before within the window; if so `answer` gets the first outcome, now or later."""
        if key in self._waiting:
            self._waiting[key].append(answer)
            return True
        known = self._known.get(key)
        if known is None or known[0] < now - self.window:
            return False
        answer(known[1])
        return True

    def begin(self, key: Key) -> None:
        self._waiting[key] = []

    def settle(self, key: Key, outcome: Outcome, now: float) -> None:
        """The first asking is answered; what was not decided may be tried anew."""
        self._known.pop(key, None)
        if outcome is not UNAVAILABLE and outcome is not INTERNAL:
            self._known[key] = (now, outcome)
        for answer in self._waiting.pop(key, ()):
            answer(outcome)
        self._expire(now)

    def _expire(self, now: float) -> None:
        """The dictionary is in order of time, so the old ones stand first."""
        while self._known:
            key = next(iter(self._known))
            if self._known[key][0] >= now - self.window:
                return
            del self._known[key]
