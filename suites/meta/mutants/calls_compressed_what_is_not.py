from unittest.mock import patch

from bodhisattva.servers.core.transport import compression, frames

CLAUSE = "PROTOCOL-150"
WRONG = "marks messages as compressed that it sends as they are"
SAYS = "zlib.error"


def mark(frame: bytes) -> bytes:
    payload = frames.payload_of_text(frame)
    return frame if payload is None else frames.compressed_text(bytes(payload))


def mutate() -> None:
    patch.object(compression, "deflate", mark).start()
