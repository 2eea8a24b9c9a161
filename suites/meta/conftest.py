"""Gathers the mutant runs of all worker processes into one table."""

from dataclasses import asdict
from typing import Any

import pytest

from bodhisattva.fixtures.run import Run
from bodhisattva.suites.meta.table import Row, lines, write

_ROWS: pytest.StashKey[list[Row]] = pytest.StashKey()
_PROPERTY = "mutant_run"


def pytest_configure(config: pytest.Config) -> None:
    rows: list[Row] = []
    config.stash[_ROWS] = rows
    config.pluginmanager.register(_RowCollector(rows))


class _RowCollector:
    def __init__(self, rows: list[Row]) -> None:
        self._rows = rows

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        properties: dict[str, Any] = dict(report.user_properties)
        if report.when == "call" and _PROPERTY in properties:
            self._rows.append(Row(**properties[_PROPERTY]))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    rows = config.stash[_ROWS]
    if not rows:
        return
    out = config.stash[Run.KEY].out
    write(rows, out)
    terminalreporter.section("mutants")
    for line in (*lines(rows), f"{out / 'mutants.json'}"):
        terminalreporter.write_line(line)


@pytest.fixture
def record_row(request: pytest.FixtureRequest) -> Any:
    """Put a row into the table."""

    def record(row: Row) -> None:
        request.node.user_properties.append((_PROPERTY, asdict(row)))

    return record
