from unittest.mock import patch

from bodhisattva.servers.session_buddy.domain import Skill

CLAUSE = "PROTOCOL-116"
WRONG = "takes every use of a skill for one that came to its end"
SAYS = "uses, rate and mean"

after = Skill.after


def after_success(skill: Skill, success: bool, duration_seconds: float, at: str) -> Skill:
    return after(skill, True, duration_seconds, at)


def mutate() -> None:
    patch.object(Skill, "after", after_success).start()
