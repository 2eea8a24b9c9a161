"""Every suite runs with the clause plugin, measured against this catalogue."""

import pytest

from bodhisattva.fixtures.catalogue import CatalogueError
from bodhisattva.fixtures.collection import CATALOGUE
from bodhisattva.suites.catalogue.loader import load

pytest_plugins = ["bodhisattva.fixtures.plugin"]


def pytest_configure(config: pytest.Config) -> None:
    try:
        config.stash[CATALOGUE] = load()
    except CatalogueError as error:
        raise pytest.UsageError(str(error)) from error
