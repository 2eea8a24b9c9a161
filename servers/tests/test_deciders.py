"""What holds of every decider, whatever is asked of it: the host relies on it (see `core/domain.py` and the Bench)."""

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from bodhisattva.servers.core.errors import ServiceError
from bodhisattva.servers.core.service import Bridge, Service
from bodhisattva.servers.registry import services
from bodhisattva.servers.tests.bench import Bench
from bodhisattva.servers.tests.scripts import scripts

SERVICES = list(services().values())
BRIDGES = [(service, bridge) for service in SERVICES for bridge in service.bridges]
pytestmark = pytest.mark.timeout(400)  # finding the shortest script that shows a failure takes its time
# What is drawn depends on the modules that are loaded, since hypothesis takes constants out of them. What no script of
# one batch gets accepted is therefore tried in more of them.
_BATCHES = 12
_named = pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)


@_named
def test_every_command_and_query_does_its_work_and_nothing_else(service: Service) -> None:
    """Nothing but a ServiceError is raised, nothing but the log changes the state, and the log alone gives it back."""
    accepted: set[str] = set()

    @settings(max_examples=60)
    @given(st.data())
    def play(data: st.DataObject) -> None:
        bench = Bench(service)
        for name, sent in data.draw(scripts(service.name)):
            bench.wait(1)
            try:
                bench.request(name, **sent)
            except ServiceError:
                continue
            accepted.add(name)
        assert bench.replayed(data.draw(st.integers(0, len(bench.log)))) == bench.state

    for batch in range(_BATCHES):
        seed(batch)(play)()
        never = {*service.command_handlers, *service.query_handlers} - accepted
        if not never:
            break
    assert not never, f"never accepted, so nothing is known of them: {sorted(never)}; see EXAMPLES in scripts.py"


@pytest.mark.parametrize(("service", "bridge"), BRIDGES, ids=lambda each: each.name if each in SERVICES else "")
def test_a_bridge_takes_whatever_its_source_records(service: Service, bridge: Bridge) -> None:
    source = services()[bridge.source]

    @settings(max_examples=20, derandomize=True)
    @given(scripts(bridge.source))
    def cross(script: list[tuple[str, dict[str, object]]]) -> None:
        there, here = Bench(source), Bench(service)
        there.play(script)
        for event in there.log:
            here.wait(1)
            here.hear(bridge.source, event.name, **event.data)
        assert here.replayed() == here.state

    cross()
