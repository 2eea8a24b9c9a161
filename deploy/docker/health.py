"""Container health check: exit 0 when a service listens here and each that does answers /health with 200.

The ports are the seven services' own, or the one in BODHISATTVA_PORT. Over TLS the certificate is not
verified: this asks the container's own process, over loopback. Where the service wants client certificates
it is shown its own.
"""

import http.client
import os
import socket
import ssl
import sys

PORTS = (3042, 8684, 8686, 8690, 8692, 8693, 8765)
TIMEOUT = 2.0


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
    listening = [port for port in ((int(configured),) if configured else PORTS) if listens(port)]
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
