"""Every suite runs with the clause plugin, measured against this catalogue."""

from pathlib import Path

import pytest

from bodhisattva.fixtures.catalogue import CatalogueError
from bodhisattva.fixtures.collection import CATALOGUE
from bodhisattva.suites.catalogue.loader import load

pytest_plugins = ["bodhisattva.fixtures.plugin"]


def pytest_configure(config: pytest.Config) -> None:
    try:
        config.stash[CATALOGUE] = load().measuring(_paths(config))
    except CatalogueError as error:
        raise pytest.UsageError(str(error)) from error


def _paths(config: pytest.Config) -> list[Path]:
    """The files and folders that the run was asked for."""
    return [(config.invocation_params.dir / name.partition("::")[0]).resolve() for name in config.args]
