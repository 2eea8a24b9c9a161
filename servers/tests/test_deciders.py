"""Properties of every decider, which the server relies on (see `core/domain.py` and `harness.py`)."""

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from bodhisattva.servers.core.errors import ServiceError
from bodhisattva.servers.core.service import Bridge, Service
from bodhisattva.servers.registry import services
from bodhisattva.servers.tests.harness import Harness
from bodhisattva.servers.tests.scripts import scripts

SERVICES = list(services().values())
BRIDGES = [(service, bridge) for service in SERVICES for bridge in service.bridges]
pytestmark = pytest.mark.timeout(400)  # finding the shortest script that shows a failure takes its time
# What is drawn depends on the modules that are loaded, since hypothesis takes constants out of them. What no script of
# one batch gets accepted is therefore tried in more of them.
_BATCHES = 12
_named = pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)


@_named
def test_every_command_and_query_is_pure_and_its_log_replays(service: Service) -> None:
    """Nothing but a ServiceError is raised, nothing but the log changes the state, and the log alone gives it back."""
    accepted: set[str] = set()

    @settings(max_examples=60)
    @given(st.data())
    def play(data: st.DataObject) -> None:
        harness = Harness(service)
        for name, sent in data.draw(scripts(service.name)):
            harness.advance(1)
            try:
                harness.request(name, **sent)
            except ServiceError:
                continue
            accepted.add(name)
        assert harness.replayed(data.draw(st.integers(0, len(harness.log)))) == harness.state

    for batch in range(_BATCHES):
        seed(batch)(play)()
        never = {*service.command_handlers, *service.query_handlers} - accepted
        if not never:
            break
    assert not never, f"never accepted, so nothing is known of them: {sorted(never)}; see EXAMPLES in scripts.py"


@pytest.mark.parametrize(("service", "bridge"), BRIDGES, ids=lambda each: each.name if each in SERVICES else "")
def test_a_bridge_accepts_every_event_of_its_source(service: Service, bridge: Bridge) -> None:
    source = services()[bridge.source]

    @settings(max_examples=20, derandomize=True)
    @given(scripts(bridge.source))
    def cross(script: list[tuple[str, dict[str, object]]]) -> None:
        there, here = Harness(source), Harness(service)
        there.run(script)
        for event in there.log:
            here.advance(1)
            here.react(bridge.source, event.name, **event.data)
        assert here.replayed() == here.state

    cross()
