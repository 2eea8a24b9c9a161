"""crackerjack on the wire."""

from bodhisattva.servers.core.channels import ChannelKind
from bodhisattva.servers.core.service import Service
from bodhisattva.servers.crackerjack import imports, quality, runs
from bodhisattva.servers.crackerjack.domain import State

SERVICE = Service(
    name="crackerjack",
    server="crackerjack",
    port=8686,
    purpose="test runs, coverage, quality gates",
    state=State,
    channels=(ChannelKind("test:"), ChannelKind("quality:"), ChannelKind("coverage")),
    commands=(
        runs.start_test_run,
        runs.record_test_result,
        runs.complete_test_run,
        quality.record_coverage,
        quality.check_quality_gate,
        imports.import_junit,
        imports.import_coverage,
    ),
    queries=(
        runs.get_test_status,
        runs.list_test_runs,
        quality.get_quality_gate,
        quality.get_coverage,
    ),
    prepared={imports.import_junit: imports.read_junit, imports.import_coverage: imports.read_coverage},
)
