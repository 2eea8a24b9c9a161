"""What a testbed leaves behind."""

from contextlib import AsyncExitStack
from pathlib import Path
from unittest.mock import AsyncMock, Mock

import pytest

from bodhisattva.chaos import testbed as beds
from bodhisattva.chaos.topology import Topology
from bodhisattva.fixtures.stack.select import choose


async def test_services_end_although_their_logs_cannot_be_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stack = Mock(nodes={"akosha": Mock(log=AsyncMock(return_value="log"))})
    monkeypatch.setattr(beds, "build", lambda *_: stack)
    monkeypatch.setattr(beds, "toxiproxy_server", lambda *_: AsyncExitStack())
    with pytest.raises(FileNotFoundError):
        async with beds.testbed(choose("process"), Topology(("akosha",), ()), tmp_path / "gone", None):
            pass
    stack.close.assert_called_once()
