"""The register checker against a search through all orders: the two agree on which histories are right."""

from dataclasses import dataclass
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import to_builtins

from bodhisattva.chaos.checkers.register import check
from bodhisattva.chaos.history import History, Operation, Type
from bodhisattva.chaos.operations import FINAL_REGISTER, GET, SET, CompareAndSet, FinalRegister, RegisterRead
from bodhisattva.chaos.verdict import Verdict

Values = tuple[str, ...]
NEVER = 10**6


@dataclass
class Done:
    """A look, or a set of a value of its own. shown: the value that a look answered."""

    who: str
    began: int
    ended: int
    sets: str = ""
    type: Type = "ok"
    expected: int = 0
    version: int = 0
    shown: str = ""

    def operations(self) -> list[Operation]:
        f = SET if self.sets else GET
        value = RegisterRead("s", "p", self.version, self.shown)
        about = CompareAndSet("s", "p", self.sets, self.expected, self.version) if self.sets else value
        ends: tuple[tuple[int, Type], ...] = ((self.began, "invoke"), (self.ended, self.type))
        return [Operation(time, self.who, kind, f, to_builtins(about)) for time, kind in ends]

    def after(self, log: Values) -> Values | None:
        """The log once this has happened to it; None if it cannot have happened there."""
        if not self.sets:
            return log if (self.version, self.shown) == (len(log), log[-1] if log else "") else None
        if self.type == "fail":
            return log if self.expected != len(log) else None
        return (*log, self.sets) if self.expected == len(log) else None


def explained(done: list[Done], written: Values, log: Values = ()) -> bool:
    """Whether some order of what was done, each between its beginning and its end, leaves that log."""
    due = [each for each in done if each.type != "info"]
    if not due and log == written:
        return True
    latest = min((each.ended for each in due), default=NEVER)
    for each in done:
        then = each.after(log) if each.began < latest else None
        if then is not None and explained([other for other in done if other is not each], written, then):
            return True
    return False


def carried_out(rng: Random) -> tuple[list[Done], Values]:
    """Clients that look, and then set what they saw; each at some moment between beginning and end."""
    moments = rng.sample(range(100), 16)
    done: list[Done] = []
    for who in map(str, range(rng.randint(2, 4))):
        first, second, third, fourth = sorted(moments.pop() for _ in range(4))
        done += [Done(who, first, second), Done(who, third, fourth, sets=f"of {who}")]
    log: Values = ()
    for each in sorted(done, key=lambda each: rng.uniform(each.began, each.ended)):
        if not each.sets:
            each.version, each.shown = len(log), log[-1] if log else ""
            continue
        each.expected = next(look.version for look in done if look.who == each.who)
        each.type = "ok" if each.expected == len(log) else "fail"
        each.version = each.expected + 1 if each.type == "ok" else 0
        log = each.after(log) or log
        each.type = rng.choice((each.type, each.type, "info"))
    return done, log


def spoiled(done: list[Done], log: Values, rng: Random) -> Values:
    """The log of a server that is wrong, whose looks and answers may be, too."""
    look, answer = done[::2][rng.randrange(len(done) // 2)], rng.choice(done[1::2])
    wrong = rng.randrange(5)
    if wrong == 1:
        look.version = rng.randint(0, len(log))
        look.shown = log[look.version - 1] if look.version else ""
        answer = done[done.index(look) + 1]
        answer.expected = look.version
    elif wrong == 2:
        answer.type = rng.choice(("ok", "fail", "info"))
    elif wrong == 3:
        log = tuple(rng.sample(log, len(log)))
    elif wrong == 4:
        place = rng.randint(0, len(log))
        log = (*log[:place], answer.sets, *log[place:])
    answer.version = answer.expected + 1 if answer.type == "ok" else 0
    return log


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10**9))
def test_what_some_order_explains_is_right_and_nothing_else(seed: int) -> None:
    rng = Random(seed)  # noqa: S311 - it must repeat, not surprise
    done, log = carried_out(rng)
    log = spoiled(done, log, rng)
    operations = sorted((operation for each in done for operation in each.operations()), key=lambda line: line.time)
    end = Operation(NEVER, "reader", "ok", FINAL_REGISTER, to_builtins(FinalRegister("s", "p", log)))
    wrong = check(History.of([*operations, end])).verdict is Verdict.INVALID
    assert wrong is not explained(done, log), (done, log)
