"""Which settings need a restart, as the schema marks them (protocol 7)."""

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from bodhisattva import servers
from bodhisattva.servers.core import restart
from bodhisattva.servers.core.config import Config, Limits, LogConfig, Retention, Timeouts

GUIDE = Path(next(iter(servers.__path__))).resolve().parent / "docs/guide.md"


def test_the_guide_names_the_settings_that_the_schema_marks() -> None:
    (row,) = re.findall(r"^\| \*\*restart\*\* \| only a restart changes (.*?)\. ", GUIDE.read_text(), re.MULTILINE)
    assert re.findall(r"`([^`]+)`", row) == list(restart.names())


def test_a_marked_setting_stays_and_is_pending() -> None:
    running = Config(port=1)
    read = Config(port=2, limits=Limits(channels=3))
    assert restart.carry_over(running, read) == Config(port=1, limits=Limits(channels=3))
    assert restart.pending(running, read) == ["port"]


def test_a_section_may_have_settings_of_both_kinds() -> None:
    running = Config(log=LogConfig("memory"), timeouts=Timeouts(handshake=3, auth=4))
    read = Config(log=LogConfig("sqlite", Retention(events=5)), timeouts=Timeouts(handshake=6, auth=7))
    carried = restart.carry_over(running, read)
    assert carried == Config(log=LogConfig("memory", Retention(events=5)), timeouts=Timeouts(handshake=3, auth=7))
    assert restart.pending(running, read) == ["timeouts.handshake", "log.kind"]


@pytest.mark.parametrize("name", list(restart.names()))
def test_each_name_is_that_of_a_setting(name: str) -> None:
    section, _, key = name.rpartition(".")
    owner = getattr(Config(), section) if section else Config()
    assert key in type(owner).__struct_fields__


def test_nothing_is_pending_without_a_change() -> None:
    assert restart.pending(Config(), replace(Config(), limits=Limits(channels=1))) == []
