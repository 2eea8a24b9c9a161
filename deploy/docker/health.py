"""Container health check: exit 0 when a service listens here and each that does answers /health with 200.

The ports are those on which the container's processes listen, or the one in BODHISATTVA_PORT. Over TLS the
certificate is not verified: the request goes to the container's own process, over loopback. Where the service wants
client certificates it is shown its own.
"""

import http.client
import os
import socket
import ssl
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PROCESSES = Path("/proc")
LISTENING = "0A"
TIMEOUT = 2.0


def ports() -> list[int]:
    """The ports on which processes of this container listen; with the network of the host, no others'."""
    own = set(sockets())
    tables = [PROCESSES / "net" / name for name in ("tcp", "tcp6")]
    rows = [line.split() for table in tables if table.exists() for line in table.read_text().splitlines()[1:]]
    return sorted({int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == LISTENING and row[9] in own})


def sockets() -> Iterator[str]:
    """The inodes of the sockets of all processes here; a process may end, or be another user's, meanwhile."""
    for process in PROCESSES.glob("[0-9]*"):
        with suppress(OSError):
            for descriptor in (process / "fd").iterdir():
                with suppress(OSError):
                    kind, _, inode = str(descriptor.readlink()).partition(":")
                    if kind == "socket":
                        yield inode.strip("[]")


def listens(port: int) -> bool:
    """True if something accepts connections on `port` of this container."""
    try:
        socket.create_connection(("127.0.0.1", port), TIMEOUT).close()
    except OSError:
        return False
    return True


def loopback_context() -> ssl.SSLContext:
    """A TLS context for asking the process next door: no verification, its own pair as client certificate."""
    context = ssl._create_unverified_context()  # noqa: S323
    certificate = os.environ.get("BODHISATTVA_TLS__CERTIFICATE")
    if certificate:
        context.load_cert_chain(certificate, os.environ.get("BODHISATTVA_TLS__KEY"))
    return context


def healthy(connection: http.client.HTTPConnection) -> bool:
    """True if GET /health over `connection` is answered with 200."""
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def main() -> int:
    """0 healthy, 1 not; the ports that are not are named on standard output."""
    configured = os.environ.get("BODHISATTVA_PORT")
    listening = [port for port in ([int(configured)] if configured else ports()) if listens(port)]
    sick = [
        port
        for port in listening
        if not healthy(http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT))
        and not healthy(http.client.HTTPSConnection("127.0.0.1", port, timeout=TIMEOUT, context=loopback_context()))
    ]
    if sick or not listening:
        sys.stdout.write(f"unhealthy: {sick or 'no service listens'}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
