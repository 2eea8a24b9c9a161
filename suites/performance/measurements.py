"""Figures that a run records about a case. They judge nothing."""

from collections.abc import Callable, Sequence

import allure

Record = Callable[[str, object], None]
"""The type of pytest's fixture `record_property`."""


def record_measurement(record: Record, name: str, value: float, unit: str) -> None:
    """Put a figure among the case's properties, and its parameters in Allure; runs that differ in it are one case."""
    shown = f"{value:.4g} {unit}"
    record(name, shown)
    allure.dynamic.parameter(name, shown, excluded=True)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of the values that at least `share` (0 to 1) of them do not exceed."""
    ranked = sorted(values)
    return ranked[max(0, -int(-share * len(ranked) // 1) - 1)]
