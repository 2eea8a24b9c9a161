import asyncio.sslproto
import ssl
from typing import Any
from unittest.mock import patch

CLAUSE = "TLS-009"
WRONG = "answers plain HTTP on its TLS port in clear"
SAYS = "an answer in clear"

PROTOCOL = asyncio.sslproto.SSLProtocol
ANSWER = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

complete = PROTOCOL._on_handshake_complete


def complete_in_clear(protocol: Any, failure: BaseException | None) -> None:
    if isinstance(failure, ssl.SSLError) and failure.reason == "HTTP_REQUEST":
        protocol._transport.write(ANSWER)
    complete(protocol, failure)


def mutate() -> None:
    patch.object(PROTOCOL, "_on_handshake_complete", complete_in_clear).start()
