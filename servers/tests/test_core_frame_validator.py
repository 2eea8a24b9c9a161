"""What clients must not send, and aiohttp takes, is found however the bytes arrive."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bodhisattva.servers.core.transport import frames
from bodhisattva.servers.core.transport.frame_validator import MOST_SMALL, FrameValidator

LENGTHS = st.sampled_from([0, 1, 125, 126, 127, 65535, 65536, 70000])


def masked(length: int) -> bytes:
    plain = frames.text(b"a" * length)
    header = plain[: len(plain) - length]
    return header[:1] + bytes([header[1] | 0x80]) + header[2:] + b"\x00" * 4 + b"a" * length


def feed(data: bytes, sizes: list[int]) -> FrameValidator:
    validator = FrameValidator()
    position = 0
    for size in [*sizes, len(data)]:
        if validator.is_over:
            break
        validator.validate(data[position : position + size])
        position += size
    return validator


@given(st.lists(LENGTHS, max_size=5), st.lists(st.integers(1, 5000), max_size=20))
def test_masked_frames_pass_in_any_pieces(lengths: list[int], sizes: list[int]) -> None:
    feed(b"".join(map(masked, lengths)), sizes)


@given(st.lists(LENGTHS, max_size=3), LENGTHS, st.lists(st.integers(1, 5000), max_size=20))
def test_an_unmasked_frame_is_found_behind_masked_ones(lengths: list[int], last: int, sizes: list[int]) -> None:
    validator = feed(b"".join(map(masked, lengths)) + frames.text(b"x" * last), sizes)
    assert (validator.violation, validator.unmasked) == (1002, True)


def data_frame(opcode: int, *, is_final: bool, length: int) -> bytes:
    whole = masked(length)
    return bytes([opcode | (0x80 if is_final else 0)]) + whole[1:]


@given(st.lists(st.tuples(st.booleans(), st.booleans(), LENGTHS), min_size=1, max_size=6), st.data())
def test_it_is_between_messages_after_a_whole_one_only(
    parts: list[tuple[bool, bool, int]], data: st.DataObject
) -> None:
    """part: whether a ping comes before it, whether it ends its message, how long it is."""
    validator = FrameValidator()
    for is_interrupted, is_final, length in parts:
        pings = b"\x89\x80" + bytes(4) if is_interrupted else b""
        frame = pings + data_frame(1 if validator.between_messages else 0, is_final=is_final, length=length)
        cut = data.draw(st.integers(1, len(frame) - 1))
        validator.validate(frame[:cut])
        assert cut == len(pings) or not validator.between_messages
        validator.validate(frame[cut:])
        assert validator.between_messages is is_final


@given(
    st.lists(LENGTHS, max_size=3),
    st.sampled_from([8, 9, 10]),
    st.integers(0, 125),
    st.lists(st.integers(1, 5000), max_size=20),
)
def test_a_control_frame_that_is_marked_as_compressed_is_found(
    lengths: list[int], opcode: int, last: int, sizes: list[int]
) -> None:
    """Behind compressed messages, which it is no wrong to mark."""
    before = b"".join(b"\xc1" + masked(length)[1:] for length in lengths)
    assert feed(before, sizes).violation is None
    assert feed(before + bytes([0xC0 | opcode]) + masked(last)[1:], sizes).violation == 1002


@given(st.text(max_size=40), st.binary(min_size=4, max_size=4), st.lists(st.integers(1, 9), max_size=60))
def test_text_passes_in_any_fragments_and_pieces(text: str, key: bytes, sizes: list[int]) -> None:
    payload = text.encode()
    parts, position = [], 0
    for size in sizes:
        parts.append(payload[position : position + size])
        position += size
    parts.append(payload[position:])
    data = b"".join(
        bytes([0x01 if number == 0 else 0x00, 0x80 | len(part)])
        + key
        + bytes(byte ^ key[place % 4] for place, byte in enumerate(part))
        for number, part in enumerate(parts)
        if len(part) < 126
    )
    assert feed(data, sizes).violation is None


@pytest.mark.parametrize("length", [0, 1])
@pytest.mark.parametrize("opcode", [1, 2])
def test_a_new_message_within_one_is_found(opcode: int, length: int) -> None:
    """Also after a fragment with nothing in it, which aiohttp forgets."""
    validator = FrameValidator()
    validator.validate(data_frame(opcode, is_final=False, length=length) + b"\x89\x80" + bytes(4))
    assert validator.violation is None
    validator.validate(data_frame(1, is_final=True, length=5))
    assert validator.violation == 1002


@pytest.mark.parametrize(("size", "bound"), [(0, MOST_SMALL), (1, MOST_SMALL), (63, MOST_SMALL), (64, 20_000)])
def test_small_fragments_of_one_message_are_bounded(size: int, bound: int) -> None:
    """Larger ones are not: the largest message fits into 16384 of 64 bytes."""
    validator = FrameValidator()
    fragment, last = data_frame(0, is_final=False, length=size), data_frame(0, is_final=True, length=size)
    for _ in range(2):  # each message anew
        validator.validate(fragment * bound + last)
        assert validator.violation is None
    validator.validate(fragment * (bound + 1))
    assert validator.violation == (1008 if bound == MOST_SMALL else None)


def test_a_small_fragment_with_a_long_header_is_small() -> None:
    validator = FrameValidator()
    validator.validate((b"\x00\xfe\x00\x00" + bytes(4)) * (MOST_SMALL + 1))
    assert validator.violation == 1008


@pytest.mark.parametrize(
    ("payload", "header"),
    [
        (b"", b"\x81\x00"),
        (b"a" * 125, b"\x81\x7d"),
        (b"a" * 126, b"\x81\x7e" + struct.pack("!H", 126)),
        (b"a" * 65535, b"\x81\x7e\xff\xff"),
        (b"a" * 65536, b"\x81\x7f" + struct.pack("!Q", 65536)),
    ],
)
def test_server_frames_have_the_shortest_header_and_no_mask(payload: bytes, header: bytes) -> None:
    assert frames.text(payload) == header + payload
    assert frames.ping(b"x") == b"\x89\x01x"
    assert frames.pong(b"x") == b"\x8a\x01x"
