"""The standing bridges (protocol 8): a real event of one service takes effect in another."""

from datetime import datetime
from typing import Any

from bodhisattva.fixtures.clause import clause
from bodhisattva.fixtures.clock import eventually
from bodhisattva.fixtures.envelope import Envelope
from bodhisattva.fixtures.fixture_types import Connect
from bodhisattva.fixtures.stack.base import Stack
from bodhisattva.fixtures.wire import WireClient
from bodhisattva.suites.cross_service.workflows import PROPAGATION, complete_workflow, fresh_name, start_workflow

STAGES = 30
"""Of a workflow that is to last for a moment."""


class TestCrossServiceCommunication:
    @clause(
        "CROSS-001",
        level="MUST",
        section="8",
        feature="core",
        profile="ecosystem",
        text="A completed workflow of mahavishnu becomes knowledge of session-buddy, over an authenticated link.",
        baseline="TestCrossServiceCommunication::service_to_service_authenticated_communication",
        services=("mahavishnu", "session-buddy"),
    )
    async def test_service_to_service_authenticated_communication(self, fleet: Stack, connect: Connect) -> None:
        mahavishnu, buddy = await connect(fleet["mahavishnu"]), await connect(fleet["session-buddy"])
        assert mahavishnu.welcome is not None
        assert mahavishnu.welcome.data["authenticated"] is True
        await buddy.subscribe("knowledge")
        workflow = await start_workflow(mahavishnu)
        await complete_workflow(mahavishnu, workflow, "only")
        captured = await buddy.event(
            "knowledge.captured", "knowledge", PROPAGATION, where=lambda e: _source(e.data) == workflow
        )
        assert captured.data["source"]["service"] == "mahavishnu"
        assert captured.data["title"] == f"Cross with {workflow}"
        assert captured.data["captured_by"] == "session-buddy"

    @clause(
        "CROSS-002",
        level="MUST",
        section="8",
        feature="core",
        profile="ecosystem",
        text="One user with a token for each of two services follows a workflow in both: its own events in mahavishnu, "
        "its status component in fastblocks, in the order in which they happened.",
        baseline="TestCrossServiceCommunication::cross_service_subscription_with_auth",
        services=("mahavishnu", "fastblocks"),
    )
    async def test_cross_service_subscription_with_auth(self, fleet: Stack, connect: Connect) -> None:
        writer = await connect(fleet["mahavishnu"])
        follower = await connect(fleet["mahavishnu"], user="ann", permissions=["mahavishnu:read"])
        page = await connect(fleet["fastblocks"], user="ann", permissions=["fastblocks:read"])
        await page.subscribe("ui:workflows")
        workflow = await start_workflow(writer, ["first", "second"])
        await follower.subscribe(f"workflow:{workflow}")
        await complete_workflow(writer, workflow, "first", "second")
        received = await follower.events(3, room=f"workflow:{workflow}")
        assert [event.event for event in received] == ["workflow.stage_completed"] * 2 + ["workflow.completed"]
        shown = [await self._shown(page, workflow) for _ in range(4)]
        assert [(each.get("status"), each.get("done")) for each in shown] == [
            ("running", 0),
            (None, 1),
            (None, 2),
            ("completed", None),
        ]

    @staticmethod
    async def _shown(page: WireClient, workflow: str) -> dict[str, Any]:
        component = f"workflow-{workflow}"
        event = await page.event("ui.updated", within=PROPAGATION, where=lambda e: e.data["component_id"] == component)
        changed: dict[str, Any] = event.data["changed_props"]
        return changed

    @clause(
        "CROSS-003",
        level="MUST",
        section="2",
        feature="auth",
        profile="ecosystem",
        text="A permission for one service opens nothing in another.",
        services=("mahavishnu", "akosha"),
    )
    async def test_permission_ends_at_the_service(self, fleet: Stack, connect: Connect) -> None:
        foreign = await connect(fleet["mahavishnu"], user="ann", permissions=["akosha:admin"])
        assert (await foreign.refusal("subscribe", {"channel": "global"})).error_code == "FORBIDDEN"
        assert (await foreign.refusal("list_workflows", {})).error_code == "FORBIDDEN"


@clause(
    "CROSS-004",
    level="MUST",
    section="8",
    feature="core",
    profile="ecosystem",
    text="The durations of mahavishnu's workflows become a series in akosha.",
    services=("mahavishnu", "akosha"),
)
async def test_workflow_durations_become_a_series(fleet: Stack, connect: Connect) -> None:
    mahavishnu, akosha = await connect(fleet["mahavishnu"]), await connect(fleet["akosha"])
    await akosha.subscribe("metrics")
    stages = [f"stage-{n}" for n in range(STAGES)]
    workflow = await start_workflow(mahavishnu, stages)
    await complete_workflow(mahavishnu, workflow, *stages)
    lasted = await _lasted(mahavishnu, workflow)
    series = "mahavishnu.workflow.duration_seconds"

    def is_its_own(event: Envelope) -> bool:
        value = event.data["points"][-1]["value"] if event.data["series"] == series else None
        return value is not None and abs(value - lasted) <= lasted / 2

    event = await akosha.event("series.ingested", "metrics", PROPAGATION, where=is_its_own)
    held = await akosha.answer("get_series", {"series": series, "limit": 1000})
    assert event.data["points"][-1]["value"] in [point["value"] for point in held.data["points"]]


async def _lasted(mahavishnu: WireClient, workflow: str) -> float:
    """Seconds from the start of a workflow to its end, by its own events."""
    events = (await mahavishnu.answer("history", {"channel": f"workflow:{workflow}"})).data["events"]
    begin, end = (datetime.fromisoformat(events[at]["timestamp"]) for at in (0, -1))
    return (end - begin).total_seconds()


@clause(
    "CROSS-005",
    level="MUST",
    section="8",
    feature="core",
    profile="ecosystem",
    text="Line coverage that crackerjack records becomes a series of its project in akosha, each report once.",
    services=("crackerjack", "akosha"),
)
async def test_coverage_becomes_a_series(fleet: Stack, connect: Connect) -> None:
    crackerjack, akosha = await connect(fleet["crackerjack"]), await connect(fleet["akosha"])
    project = fresh_name("p")
    for share in (61.0, 62.5, 64.0):
        coverage = {"project": project, "line_coverage": share, "branch_coverage": 50.0, "path_coverage": 40.0}
        await crackerjack.answer("record_coverage", coverage)

    async def all_there() -> list[float] | None:
        reply = await akosha.request("get_series", {"series": f"crackerjack.coverage.{project}"})
        values = [point["value"] for point in reply.data.get("points", [])]
        return values if len(values) >= 3 else None

    assert await eventually(all_there, f"three points of {project} in akosha", PROPAGATION) == [61.0, 62.5, 64.0]


def _source(data: dict[str, Any]) -> str | None:
    return (data.get("source") or {}).get("workflow_id")
