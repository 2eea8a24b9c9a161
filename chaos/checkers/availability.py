"""How many of the commands were answered? Informational: it is never invalid.

What share is enough is a question of the deployment, not of the protocol. A run with hardly any command is
unknown, whatever the other checkers made of it.
"""

from bodhisattva.chaos.history import History
from bodhisattva.chaos.operations import COMMAND
from bodhisattva.chaos.verdict import CheckResult, Verdict

FEWEST = 20


def check(history: History) -> CheckResult:
    """Unknown below FEWEST commands or when none was answered; else valid, with the ratio in the details."""
    invoked = sum(1 for _ in history.select(f=COMMAND, type="invoke"))
    answered = sum(1 for _ in history.select(f=COMMAND, type="ok"))
    enough = invoked >= FEWEST and answered > 0
    details = {
        "commands": invoked,
        "answered": answered,
        "ratio": round(answered / invoked, 4) if invoked else 0.0,
        **(
            {}
            if enough
            else {"unknown": f"a run of fewer than {FEWEST} commands, or with none answered, shows nothing"}
        ),
    }
    return CheckResult("availability", Verdict.VALID if enough else Verdict.UNKNOWN, details)
