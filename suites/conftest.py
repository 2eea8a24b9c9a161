"""Every suite runs with the clause plugin, measured against this catalogue."""

from pathlib import Path

import pytest

from bodhisattva.fixtures.catalogue import CatalogueError
from bodhisattva.fixtures.clause import CATEGORIES
from bodhisattva.fixtures.collection import CATALOGUE
from bodhisattva.suites.catalogue.loader import load

pytest_plugins = ["bodhisattva.fixtures.plugin"]

# What tests share fails as they do: with what was compared.
pytest.register_assert_rewrite(*(f"bodhisattva.suites.{folder}" for folder in CATEGORIES.values()))


def pytest_configure(config: pytest.Config) -> None:
    try:
        config.stash[CATALOGUE] = load().measuring(_paths(config))
    except CatalogueError as error:
        raise pytest.UsageError(str(error)) from error


def _paths(config: pytest.Config) -> list[Path]:
    """The files and folders on the command line of the run."""
    return [(config.invocation_params.dir / name.partition("::")[0]).resolve() for name in config.args]
