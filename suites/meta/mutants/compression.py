"""Servers that are wrong in permessage-deflate."""

from collections.abc import Callable
from typing import Any

from bodhisattva.servers.core.transport import compression, frames
from bodhisattva.servers.core.transport.frame_reader import FrameReader
from bodhisattva.suites.meta.inject import Inject, mutant

BOUNDLESS = 2**31


@mutant(
    "PROTOCOL-150", wrong="agrees to compression, and takes compressed messages for a violation", failure="Opcode.TEXT"
)
def agrees_to_compression_and_reads_none(inject: Inject) -> None:
    parser = FrameReader.parser

    def never_inflating(frame_reader: FrameReader, *, deflates: bool) -> Any:
        return parser(frame_reader, deflates=False)

    inject(FrameReader, "parser", never_inflating)


@mutant("SECURITY-023", wrong="inflates messages of a connection without compression", failure="1009 == 1002")
def inflates_without_negotiation(inject: Inject) -> None:
    parser = FrameReader.parser

    def inflating(frame_reader: FrameReader, *, deflates: bool) -> Any:
        return parser(frame_reader, deflates=True)

    inject(FrameReader, "parser", inflating)


@mutant("PROTOCOL-151", wrong="takes messages of any size if they are compressed", failure="1006 == 1009")
def measures_compressed_messages(inject: Inject) -> None:
    _limit_where_compressed(inject, lambda _claimed: BOUNDLESS)


@mutant("PROTOCOL-301", wrong="takes compressed messages of up to twice the claimed size", failure="were closed with")
def takes_twice_the_size_compressed(inject: Inject) -> None:
    _limit_where_compressed(inject, lambda claimed: 2 * claimed)


def _limit_where_compressed(inject: Inject, limit: Callable[[int], int]) -> None:
    """Another limit from the first connection on that agrees on compression."""
    message_bytes = FrameReader.message_bytes
    parser = FrameReader.parser
    inflating: list[FrameReader] = []

    def remembered(frame_reader: FrameReader, *, deflates: bool) -> Any:
        if deflates:
            inflating.append(frame_reader)
        return parser(frame_reader, deflates=deflates)

    def limited(frame_reader: FrameReader) -> int:
        claimed = message_bytes(frame_reader)
        return limit(claimed) if frame_reader in inflating else claimed

    inject(FrameReader, "parser", remembered)
    inject(FrameReader, "message_bytes", limited)


@mutant(
    "PROTOCOL-240",
    wrong="agrees to every offer of compression, whatever its parameters",
    failure="offer 'permessage-deflate; server_no_context_takeover",
)
def agrees_to_faulty_offers(inject: Inject) -> None:
    def accept_anything(_parameters: str) -> str:
        return compression.EXTENSION

    inject(compression, "_accept", accept_anything)


@mutant(
    "PROTOCOL-151",
    wrong="measures a message before it is decompressed, too",
    failure="a message of the claimed size was not answered",
)
def measures_messages_before_inflation_too(inject: Inject) -> None:
    inject(compression, "at_worst", int)


@mutant("PROTOCOL-150", wrong="marks messages as compressed that it sends as they are", failure="zlib.error")
def marks_plain_messages_as_compressed(inject: Inject) -> None:
    def mark(frame: bytes) -> bytes:
        payload = frames.payload_of_text(frame)
        return frame if payload is None else frames.compressed_text(bytes(payload))

    inject(compression, "deflate", mark)
