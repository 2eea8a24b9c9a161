import subprocess
from unittest.mock import patch

from bodhisattva.servers.core.server import Server

CLAUSE = "LIFECYCLE-002"
WRONG = "ends, and leaves its port open in the hands of a child process"
SAYS = "in vain for: the port is free"

stop = Server.stop
SECONDS = "10"


async def stop_but_listen(server: Server) -> None:
    if server._acceptor is not None:
        handed_on = server._acceptor._listener.fileno()
        subprocess.Popen(["/bin/sleep", SECONDS], pass_fds=[handed_on])  # noqa: ASYNC220, S603
    await stop(server)


def mutate() -> None:
    patch.object(Server, "stop", stop_but_listen).start()
