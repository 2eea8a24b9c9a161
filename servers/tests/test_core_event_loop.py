"""The event loop is uvloop where it is present, or else Python's own; the service logs which it is."""

from importlib.util import find_spec
from pathlib import Path

from bodhisattva.servers.tests.test_cli import OPEN, bodhisattva
from bodhisattva.servers.tests.test_core_log_lines import serving


async def loop(folder: Path, **settings: str) -> str:
    with serving(folder, **settings) as service:
        await service.ready()
        service.end()
        (line,) = [line for line in service.lines() if line["event"] == "listening"]
    return str(line["loop"])


async def test_uvloop_serves_where_it_is_present(tmp_path: Path) -> None:
    assert await loop(tmp_path) == ("uvloop" if find_spec("uvloop") else "asyncio")


async def test_python_s_own_loop_serves_where_it_is_configured(tmp_path: Path) -> None:
    assert await loop(tmp_path, loop="asyncio") == "asyncio"


async def test_uvloop_serves_if_it_is_configured_and_is_missed_in_a_line(tmp_path: Path) -> None:
    if find_spec("uvloop"):
        assert await loop(tmp_path, loop="uvloop") == "uvloop"
        return
    output = bodhisattva("serve", "akosha", folder=tmp_path, settings=OPEN | {"loop": "uvloop"})
    assert output == (
        2,
        "bodhisattva: uvloop is missing; install 'bodhisattva-conformance[fast]', or leave loop out\n",
    )
