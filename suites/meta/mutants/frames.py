"""Servers that are wrong in how they read frames and messages."""

from collections.abc import Iterator
from typing import Any

from aiohttp import WSMessage

from bodhisattva.servers.core.connections import session
from bodhisattva.servers.core.connections.connection import Connection
from bodhisattva.servers.core.connections.session import Session
from bodhisattva.servers.core.transport import frame_validator
from bodhisattva.servers.core.transport.frame_reader import FrameReader
from bodhisattva.servers.core.transport.frame_validator import FrameValidator
from bodhisattva.servers.core.transport.utf8 import Utf8Validator
from bodhisattva.servers.core.transport.websocket import WebSocket
from bodhisattva.suites.meta.inject import Inject, mutant

TOO_BIG = 1009
BOUNDLESS = 2**31
TEXT = 0x1
OPCODE = 0x0F
PING = 0x9
FINAL = 0x80
LONG_PING = bytes([0x89, 0x80 | 126])
LONGEST = 125
KEY_BYTES = 4
FINAL_TEXT = 0x81
COMPRESSED = 0x40
CONTROL = 0x08
MEANINGLESS = 0x30
UNKNOWN = (*range(0x3, 0x8), *range(0xB, 0x10))
ENDLESS = 2**62


@mutant(
    "SECURITY-242",
    wrong="finds text that is no UTF-8 only once its message has ended",
    failure="1006 == 1007",
    also=("SECURITY-240",),
)
def judges_text_once_it_is_whole(inject: Inject) -> None:
    def take_anything(_text: Utf8Validator, _body: bytes) -> bool:
        return True

    inject(Utf8Validator, "feed", take_anything)


@mutant("LIFECYCLE-030", wrong="gives a peer up while a long message of it is on its way", failure="Connection lost")
def counts_only_whole_messages_as_life(inject: Inject) -> None:
    receive = Connection.message_received
    data_received = Session.data_received

    def receive_and_count(connection: Connection, message: WSMessage) -> None:
        data_received(connection.session)
        receive(connection, message)

    def receive_nothing(*_: Any) -> None:
        """Bytes are no message."""

    inject(Connection, "message_received", receive_and_count)
    inject(Session, "data_received", receive_nothing)


@mutant("SECURITY-016", wrong="judges the size of a message when all of it has come", failure="bytes announced")
def reads_messages_to_their_end(inject: Inject) -> None:
    receive = Connection.message_received

    def boundless(_frame_reader: FrameReader) -> int:
        return 2**31

    def receive_and_judge(connection: Connection, message: WSMessage) -> None:
        if len(message.data or "") > connection._settings.limits.message_bytes:
            connection.close(TOO_BIG, "Message too big")
        else:
            receive(connection, message)

    inject(FrameReader, "message_bytes", boundless)
    inject(Connection, "message_received", receive_and_judge)


@mutant(
    "PROTOCOL-026",
    wrong="takes messages that are a byte shorter than it claims at most",
    failure="before the answer to big",
)
def accepts_smaller_messages_than_it_claims(inject: Inject) -> None:
    message_bytes = FrameReader.message_bytes

    def fewer(frame_reader: FrameReader) -> int:
        return message_bytes(frame_reader) - 1

    inject(FrameReader, "message_bytes", fewer)


@mutant("PROTOCOL-026", wrong="takes messages of any size", failure="in vain for the connection's end")
def accepts_messages_of_any_size(inject: Inject) -> None:
    def boundless(_frame_reader: FrameReader) -> int:
        return BOUNDLESS

    inject(FrameReader, "message_bytes", boundless)


@mutant("SECURITY-015", wrong="reads a continuation without a beginning as a message", failure="1006 == 1002")
def reads_a_lone_continuation_as_text(inject: Inject) -> None:
    parse = FrameReader.parse

    def parse_as_text(
        frame_reader: FrameReader, parser: Any, data: bytes
    ) -> tuple[list[WSMessage], BaseException | None]:
        messages, violation = parse(frame_reader, parser, data)
        if violation is None or data[0] & OPCODE:
            return messages, violation
        return parse(frame_reader, frame_reader.parser(deflates=False), bytes([data[0] | TEXT]) + data[1:])

    inject(FrameReader, "parse", parse_as_text)


@mutant(
    "SECURITY-015",
    wrong="takes a new message where only an empty fragment of another has come",
    failure="a new message after 0 bytes of one",
)
def begins_anew_after_an_empty_fragment(inject: Inject) -> None:
    count = FrameValidator._count

    def count_what_is_there(guard: Any, size: int) -> None:
        count(guard, size)
        guard._unfinished = guard._unfinished and size > 0

    inject(FrameValidator, "_count", count_what_is_there)


@mutant("SECURITY-010", wrong="executes short frames that are not masked", failure="1006 == 1002")
def executes_unmasked_frames(inject: Inject) -> None:
    judge = FrameValidator._validate_header

    def judge_leniently(guard: FrameValidator) -> None:
        judge(guard)
        if guard.unmasked:
            guard.unmasked, guard.violation = False, None
            guard._skip = guard._header[1]
            guard._header.clear()

    inject(FrameValidator, "_validate_header", judge_leniently)


@mutant("SECURITY-240", wrong="drops requests that come in one segment with a violation", failure="nothing is answered")
def drops_requests_before_a_violation(inject: Inject) -> None:
    follow = FrameValidator.validate

    def follow_all_or_nothing(guard: FrameValidator, data: bytes) -> int:
        good = follow(guard, data)
        return good if guard.violation is None else 0

    inject(FrameValidator, "validate", follow_all_or_nothing)


@mutant(
    "SECURITY-014", wrong="answers the first fragment of a ping as if it were the whole", failure="1 bytes, fin False"
)
def answers_fragments_of_pings(inject: Inject) -> None:
    feed = WebSocket.feed

    def feed_as_whole(websocket: WebSocket, data: bytes) -> None:
        in_a_frame = websocket._validator._skip or websocket._validator._header
        fragment = not in_a_frame and data and data[0] == PING
        feed(websocket, bytes([FINAL | PING]) + data[1:] if fragment else data)

    inject(WebSocket, "feed", feed_as_whole)


@mutant(
    "SECURITY-014",
    wrong="takes a ping that is longer than a control frame may be, and answers its beginning",
    failure="126 bytes, fin True",
)
def answers_long_pings_in_part(inject: Inject) -> None:
    feed = WebSocket.feed

    def feed_beginning(websocket: WebSocket, data: bytes) -> None:
        in_a_frame = websocket._validator._skip or websocket._validator._header
        if in_a_frame or not data.startswith(LONG_PING):
            return feed(websocket, data)
        length = int.from_bytes(data[2:4])
        rest = data[4 + KEY_BYTES + length :]
        feed(websocket, bytes([0x89, 0x80 | LONGEST]) + data[4 : 4 + KEY_BYTES + LONGEST])
        return feed(websocket, rest) if rest else None

    inject(WebSocket, "feed", feed_beginning)


@mutant(
    "DEGRADATION-009",
    wrong="does the command in a fragment before the rest of its message has come",
    failure="was not refused",
)
def does_fragments_as_they_come(inject: Inject) -> None:
    feed = WebSocket.feed

    def feed_as_whole(websocket: WebSocket, data: bytes) -> None:
        feed(websocket, bytes([FINAL_TEXT]) + data[1:] if data[:1] == bytes([TEXT]) else data)

    inject(WebSocket, "feed", feed_as_whole)


@mutant(
    "PROTOCOL-152",
    wrong="answers a control frame that is marked as compressed as if it were not",
    failure="PING marked as compressed",
)
def reads_over_marks_of_compression(inject: Inject) -> None:
    feed = WebSocket.feed

    def feed_unmarked(websocket: WebSocket, data: bytes) -> None:
        in_a_frame = websocket._validator._skip or websocket._validator._header
        is_control = not in_a_frame and data and data[0] & CONTROL
        feed(websocket, bytes([data[0] & ~COMPRESSED]) + data[1:] if is_control else data)

    inject(WebSocket, "feed", feed_unmarked)


@mutant(
    "SECURITY-011",
    wrong="reads a frame as if the bits that nobody has given a meaning yet were not set",
    failure="reserved bits 1",
)
def reads_over_reserved_bits(inject: Inject) -> None:
    feed = WebSocket.feed

    def feed_without_them(websocket: WebSocket, data: bytes) -> None:
        in_a_frame = websocket._validator._skip or websocket._validator._header
        feed(websocket, data if in_a_frame or not data else bytes([data[0] & ~MEANINGLESS]) + data[1:])

    inject(WebSocket, "feed", feed_without_them)


@mutant("SECURITY-012", wrong="takes frames of an unknown opcode for text", failure="opcode 0x3")
def reads_unknown_opcodes_as_text(inject: Inject) -> None:
    feed = WebSocket.feed

    def feed_as_text(websocket: WebSocket, data: bytes) -> None:
        in_a_frame = websocket._validator._skip or websocket._validator._header
        unknown = not in_a_frame and data and data[0] & 0x0F in UNKNOWN
        feed(websocket, bytes([FINAL_TEXT]) + data[1:] if unknown else data)

    inject(WebSocket, "feed", feed_as_text)


@mutant("SECURITY-024", wrong="accepts a message in any number of small fragments", failure="one fragment more")
def accepts_endless_fragments(inject: Inject) -> None:
    inject.constant(frame_validator, "MOST_SMALL", ENDLESS, reader=(FrameValidator, "_count"))


@mutant("SECURITY-200", wrong="decodes messages of any size before authentication", failure="AUTH_REQUIRED")
def decodes_long_messages_before_auth(inject: Inject) -> None:
    def never(_text: str, _limit: int) -> bool:
        return False

    inject(session, "_exceeds", never)


def forget_at(inject: Inject, opcode: int) -> None:
    """Have every WebSocket drop what it has of a message when a frame with this opcode comes."""
    feed = WebSocket.feed

    def feed_afresh(websocket: WebSocket, data: bytes) -> None:
        if websocket._validator._skip or websocket._validator._header:
            return feed(websocket, data)
        for frame in short_frames(data):
            if frame[0] & 0x0F == opcode:
                websocket._validator._unfinished = False
                websocket._parser = websocket._frame_reader.parser(deflates=websocket.deflates)
            feed(websocket, frame)
        return None

    inject(WebSocket, "feed", feed_afresh)


def short_frames(data: bytes) -> Iterator[bytes]:
    """Each by itself, and from the first long or unfinished one on all the rest."""
    while len(data) > 1 and data[1] & 0x7F <= LONGEST:
        end = 2 + KEY_BYTES + (data[1] & 0x7F)
        yield data[:end]
        data = data[end:]
    if data:
        yield data


@mutant(
    "SECURITY-015",
    wrong="drops an unfinished message when a new one begins within it",
    failure="1006 == 1002",
)
def forgets_a_message_when_another_begins(inject: Inject) -> None:
    forget_at(inject, TEXT)


@mutant(
    "SECURITY-018",
    wrong="drops what it has of a message when a ping comes between its fragments",
    failure="0 bytes read",
)
def loses_a_message_that_a_ping_interrupts(inject: Inject) -> None:
    forget_at(inject, PING)
