"""Every suite runs with the clause plugin, measured against this catalogue."""

import os
import sys
from argparse import ArgumentTypeError
from pathlib import Path

import pytest

from bodhisattva.fixtures.catalogue import CatalogueError
from bodhisattva.fixtures.clause import CATEGORIES
from bodhisattva.fixtures.collection import CATALOGUE
from bodhisattva.fixtures.isolation import foreign
from bodhisattva.fixtures.profiles import UnknownProfile, chosen
from bodhisattva.fixtures.run import Run
from bodhisattva.suites.catalogue.loader import load, load_profiles

pytest_plugins = ["bodhisattva.fixtures.plugin"]

# What tests share fails as they do: with what was compared.
pytest.register_assert_rewrite(*(f"bodhisattva.suites.{folder}" for folder in CATEGORIES.values()))


_CHECKOUT = Path(__file__).resolve().parents[1]
_SETTINGS = (_CHECKOUT / "pyproject.toml", Path(os.devnull))  # the latter is `bodhisattva check`'s, which repeats them
_OWN_FOLDERS = tuple(_CHECKOUT / name for name in ("servers", "suites", "fixtures", "chaos", "reports"))
_REFUSED = 2


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Refuse surroundings that could change a verdict, before the folder of an earlier run is touched."""
    reason = _foreign_surroundings(config)
    if reason is None:
        return None
    sys.stderr.write(f"ERROR: {reason}\n")
    return _REFUSED


def _foreign_surroundings(config: pytest.Config) -> str | None:
    if names := foreign(os.environ):
        return f"{', '.join(names)}: what is set there could change a verdict; unset it."
    if not __debug__:
        return "Python's assertions are off (-O), and they are what judges; run it without."
    if config.inipath not in _SETTINGS:
        return f"pytest's settings come from {config.inipath}; run from the checkout with `-c pyproject.toml`."
    if conftests := _foreign_conftests(config):
        return f"{', '.join(conftests)} could change a verdict; run with `--confcutdir=suites`."
    return None


def _foreign_conftests(config: pytest.Config) -> list[str]:
    files = [Path(getattr(plugin, "__file__", None) or "") for plugin in config.pluginmanager.get_plugins()]
    loaded = [file.resolve() for file in files if file.name == "conftest.py"]
    return [str(file) for file in loaded if not any(folder in file.parents for folder in _OWN_FOLDERS)]


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
