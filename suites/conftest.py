"""Every suite runs with the clause plugin, measured against this catalogue."""

from argparse import ArgumentTypeError
from pathlib import Path

import pytest

from bodhisattva.fixtures.catalogue import CatalogueError
from bodhisattva.fixtures.clause import CATEGORIES
from bodhisattva.fixtures.collection import CATALOGUE
from bodhisattva.fixtures.profiles import UnknownProfile, chosen
from bodhisattva.fixtures.run import Run
from bodhisattva.suites.catalogue.loader import load, load_profiles

pytest_plugins = ["bodhisattva.fixtures.plugin"]

# What tests share fails as they do: with what was compared.
pytest.register_assert_rewrite(*(f"bodhisattva.suites.{folder}" for folder in CATEGORIES.values()))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("bodhisattva").addoption(
        "--profile",
        metavar="A,B",
        type=_profiles,
        action="append",
        default=[],
        help="judge the clauses of these profiles, and end by them; may be given more than once",
    )


def _profiles(words: str) -> tuple[str, ...]:
    try:
        return chosen(words, load_profiles())
    except UnknownProfile as error:
        raise ArgumentTypeError(str(error)) from error


def pytest_configure(config: pytest.Config) -> None:
    claimed = dict.fromkeys(name for names in config.option.profile for name in names)
    services = config.stash[Run.KEY].services
    try:
        config.stash[CATALOGUE] = load().measuring(_paths(config)).claiming(list(claimed), services)
    except CatalogueError as error:
        raise pytest.UsageError(str(error)) from error


def _paths(config: pytest.Config) -> list[Path]:
    """The files and folders on the command line of the run."""
    return [(config.invocation_params.dir / name.partition("::")[0]).resolve() for name in config.args]
