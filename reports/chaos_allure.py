"""Chaos experiments as Allure results, so that one site shows what was judged and what was broken."""

# pyright: reportCallIssue=false, reportAttributeAccessIssue=false
# allure_commons makes its classes at run time, in a way that pyright does not follow.

import hashlib
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any

from allure_commons.logger import AllureFileLogger
from allure_commons.model2 import (
    Attachment,
    Label,
    Parameter,
    Status,
    StatusDetails,
    TestResult,
    TestStepResult,
)

from bodhisattva.reports.chaos import TIMELINE_FILE
from bodhisattva.reports.templates import spelled
from bodhisattva.reports.verdicts import HISTORY_FILE, VERDICT_FILE, Experiment, FaultReport, Verdict

ALLURE_FOLDER = "allure-results"
STATUSES: dict[Verdict, str] = {"valid": Status.PASSED, "invalid": Status.FAILED, "unknown": Status.BROKEN}
ATTACHED = {
    TIMELINE_FILE: "image/svg+xml",
    VERDICT_FILE: "application/json",
    HISTORY_FILE: "text/plain",
}


def write(root: Path, experiments: dict[Path, Experiment]) -> None:
    """Replace the Allure results under `root` by one result for each experiment."""
    logger: Any = AllureFileLogger(root / ALLURE_FOLDER, clean=True)  # type: ignore[no-untyped-call]
    for folder, experiment in experiments.items():
        logger.report_result(_result(experiment, _attachments(logger, folder)))


def _result(experiment: Experiment, attachments: list[Attachment]) -> TestResult:
    start = round(datetime.fromisoformat(experiment.started).timestamp() * 1000)
    name = f"chaos.{experiment.experiment}"
    return TestResult(
        uuid=str(uuid.uuid4()),
        name=experiment.experiment,
        fullName=name,
        testCaseId=_digest(name),
        historyId=_digest(f"{name} {experiment.stack} {experiment.log}"),
        status=STATUSES[experiment.believed],
        statusDetails=StatusDetails(message=_message(experiment)),
        stage="finished",
        description=f"Again: `{experiment.command}`",
        steps=[*_faults(experiment), *_checkers(experiment)],
        attachments=attachments,
        parameters=[
            Parameter(name="stack", value=experiment.stack),
            Parameter(name="log", value=experiment.log),
            Parameter(name="seed", value=str(experiment.seed), excluded=True),
        ],
        labels=[
            Label(name="epic", value="chaos"),
            Label(name="feature", value="experiments"),
            Label(name="story", value=experiment.experiment),
            Label(name="severity", value="critical"),
            Label(name="stack", value=experiment.stack),
            Label(name="log", value=experiment.log),
            Label(name="framework", value="bodhisattva"),
        ],
        start=start,
        stop=start + round(experiment.duration * 1000),
    )


def _message(experiment: Experiment) -> str:
    broken = [f"{checker.name}: {checker.verdict}" for checker in experiment.checkers if checker.verdict != "valid"]
    return "\n".join([f"verdict {experiment.believed}", *broken, *experiment.doubts])


def _faults(experiment: Experiment) -> list[TestStepResult]:
    return [
        TestStepResult(
            name=f"fault {fault.named}",
            status=STATUSES["valid" if fault.bit and fault.healed else "unknown"],
            statusDetails=StatusDetails(message=_effect(fault)),
            parameters=[Parameter(name="evidence", value=spelled(fault.evidence))],
        )
        for fault in experiment.faults
    ]


def _effect(fault: FaultReport) -> str:
    effect = "bit" if fault.bit else "had no measured effect"
    return f"{effect}, {'healed' if fault.healed else 'was not healed'}"


def _checkers(experiment: Experiment) -> list[TestStepResult]:
    return [
        TestStepResult(
            name=f"checker {checker.name}",
            status=STATUSES[checker.verdict],
            parameters=[Parameter(name="details", value=spelled(checker.details))],
        )
        for checker in experiment.checkers
    ]


def _attachments(logger: Any, folder: Path) -> list[Attachment]:
    attachments: list[Attachment] = []
    for name, media_type in ATTACHED.items():
        if (folder / name).exists():
            source = f"{uuid.uuid4()}-attachment{Path(name).suffix}"
            logger.report_attached_file(folder / name, source)
            attachments.append(Attachment(name=name, source=source, type=media_type))
    return attachments


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
