"""The completeness gate: a build is green only for the verdict `passed`."""

from pathlib import Path

import msgspec

from bodhisattva.reports.errors import ReportError
from bodhisattva.reports.report import CONFORMANCE_FILE, SCHEMA, Report, Verdict

EXIT_CODES: dict[Verdict, int] = {"passed": 0, "failed": 1, "partial": 3, "empty": 3}


def gate(folder: Path) -> int:
    """The exit code for the report in `folder`: 0 passed, 1 failed, 3 partial or empty.

    Raises ReportError if there is no report or it is of another version.
    """
    return EXIT_CODES[read(folder).verdict]


def read(folder: Path) -> Report:
    """The report in `folder`. Raises ReportError."""
    file = folder / CONFORMANCE_FILE
    try:
        report = msgspec.json.decode(file.read_bytes(), type=Report)
    except OSError as error:
        raise ReportError(f"no report to gate on: {file}: {error.strerror}; build it first") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ReportError(f"{file} is not a conformance report: {error}") from error
    if report.schema != SCHEMA:
        raise ReportError(f"{file} has the schema {report.schema!r}; this gate reads {SCHEMA!r}")
    return report
