"""Starts that a service has to refuse."""

from bodhisattva.fixtures.stack.node import START_BOUND, Node

BAD_INPUT = 2


async def assert_start_rejected(node: Node, *mentions: str, earlier: str = "") -> str:
    """The one line of a service that was just started and exits with code 2.

    mentions: what the line has to name. earlier: the service's log before this start.
    """
    code = await node.exited(START_BOUND)
    lines = [line for line in (await node.log()).removeprefix(earlier).splitlines() if line.strip()]
    assert code == BAD_INPUT, f"it ended with {code}: {lines[-5:]}"
    assert len(lines) == 1, f"not one line but {len(lines)}: {lines}"
    for mention in mentions:
        assert mention in lines[0], f"the line does not name {mention}: {lines[0]}"
    return lines[0]
