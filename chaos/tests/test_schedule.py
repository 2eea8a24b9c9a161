"""One seed, one schedule."""

from itertools import pairwise

import pytest

from bodhisattva.chaos.experiment import Experiment, experiments
from bodhisattva.chaos.registry import UnknownName
from bodhisattva.chaos.schedule import STORE, Recurring, rng_for, schedule

LATENCY = Recurring("latency", on="subscribers", after=(1, 2), lasts=(1, 2))
KILL = Recurring("kill", on="services", after=(2, 4), lasts=(0.5, 1))
SERVICES = ("mahavishnu", "akosha")


def test_the_same_seed_gives_the_same_schedule() -> None:
    assert schedule(7, [LATENCY, KILL], SERVICES, 30) == schedule(7, [LATENCY, KILL], SERVICES, 30)


def test_another_seed_gives_another() -> None:
    assert schedule(7, [LATENCY], SERVICES, 30) != schedule(8, [LATENCY], SERVICES, 30)


def test_a_seed_means_the_same_on_every_machine() -> None:
    """Python's own hash is salted anew in each process; a schedule must not depend on it."""
    assert round(rng_for(7, "fault/0/latency").random(), 6) == 0.436406


def test_a_further_fault_leaves_the_others_as_they_were() -> None:
    alone = schedule(7, [LATENCY], SERVICES, 30)
    both = schedule(7, [LATENCY, KILL], SERVICES, 30)
    assert tuple(step for step in both if step.fault == "latency") == alone


def test_a_fault_keeps_its_bounds_and_does_not_overlap_itself() -> None:
    steps = schedule(3, [LATENCY], SERVICES, 60)
    assert len(steps) >= 10
    for before, after in pairwise(steps):
        assert 0.999 <= after.at - before.until <= 2.001
        assert 0.999 <= after.until - after.at <= 2.001


@pytest.mark.parametrize("seed", range(20))
def test_every_fault_is_healed_while_the_work_goes_on(seed: int) -> None:
    assert all(step.until <= 9 for step in schedule(seed, [LATENCY, KILL], SERVICES, 9))


def test_faults_reach_every_service_in_turn() -> None:
    targets = {step.target for step in schedule(3, [LATENCY], SERVICES, 60)}
    assert targets == {"mahavishnu/subscribers", "akosha/subscribers"}
    assert {step.target for step in schedule(3, [KILL], SERVICES, 60)} == set(SERVICES)


def test_an_unknown_fault_is_named_with_those_that_exist() -> None:
    with pytest.raises(UnknownName, match=r"'earthquake'.*latency"):
        schedule(1, [Recurring("earthquake", on="services", after=(1, 2), lasts=(1, 2))], SERVICES, 30)


@pytest.mark.parametrize("experiment", experiments().values(), ids=lambda experiment: experiment.name)
@pytest.mark.parametrize("seed", range(20))
def test_every_experiment_breaks_every_service_whatever_the_seed(experiment: Experiment, seed: int) -> None:
    processes = [name for names in experiment.topology.processes.values() for name in names]
    steps = schedule(seed, experiment.faults, processes, experiment.duration)
    assert {step.fault for step in steps} == {recurring.fault for recurring in experiment.faults}
    stores = all(recurring.on == STORE for recurring in experiment.faults)
    assert {step.target.partition("/")[0] for step in steps} == ({STORE} if stores else set(processes))
