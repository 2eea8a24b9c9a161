"""Servers that are wrong in the sessions and the search of session-buddy."""

from bodhisattva.servers.session_buddy import search
from bodhisattva.servers.session_buddy.domain import Skill
from bodhisattva.suites.meta.inject import Inject, mutant


@mutant("PROTOCOL-116", wrong="takes every use of a skill for one that came to its end", failure="uses, rate and mean")
def counts_failures_as_successes(inject: Inject) -> None:
    after = Skill.after

    def after_success(skill: Skill, success: bool, duration_seconds: float, at: str) -> Skill:
        return after(skill, True, duration_seconds, at)

    inject(Skill, "after", after_success)


@mutant("PROTOCOL-081", wrong="shows what was captured first before what matches best", failure="once")
def ranks_by_age(inject: Inject) -> None:
    by_age = search._RANKED.replace("ORDER BY score DESC,", "ORDER BY")
    inject.constant(search, "_RANKED", by_age, reader=(search.Index, "_ranked"))
