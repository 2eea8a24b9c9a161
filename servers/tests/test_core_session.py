"""The session (protocol 1 to 4) without I/O: each rule by calling it."""

import dataclasses
import json
from typing import Any

import pytest

from bodhisattva.servers.core.auth.keys import KeyRing, secret_key
from bodhisattva.servers.core.auth.tokens import Identity, Verifier, mint
from bodhisattva.servers.core.config import Config, Limits, Timeouts, Tokens
from bodhisattva.servers.core.connections.session import (
    Close,
    Now,
    Output,
    Ping,
    Pong,
    Reply,
    Request,
    Revoke,
    Session,
)
from bodhisattva.servers.core.connections.session_settings import SessionSettings
from bodhisattva.servers.core.errors import ErrorCode
from bodhisattva.servers.core.settings import CurrentSettings, Settings
from bodhisattva.servers.core.transport.frames import ABNORMAL
from bodhisattva.servers.core.transport.lifecycle import DRAINING, OPEN, Lifecycle
from bodhisattva.servers.tests.ledger import LEDGER

SECRET = "0123456789abcdefghijklmnopqrstuv-test"
WALL = 1_800_000_000.0
READ = ["ledger:read"]


def at(seconds: float) -> Now:
    return Now(1000.0 + seconds, WALL + seconds)


class Peer:
    """A session under test: sends JSON to it and reads what it would send."""

    def __init__(self, *, auth: bool = True, admit: bool = True, **limits: Any) -> None:
        self.wall = WALL
        verifier = Verifier(KeyRing.of_secret(SECRET), clock=lambda: self.wall) if auth else None
        config = Config(
            limits=Limits(**limits),
            timeouts=Timeouts(auth=5, ping_interval=20, ping_timeout=10),
            tokens=Tokens(expiry_warning=60),
        )
        self.current = CurrentSettings(Settings(config, config.limits, None, verifier, (), ("auth",)))
        settings = SessionSettings(LEDGER, self.current, lambda _: admit)
        self.lifecycle = Lifecycle()
        self.lifecycle.enter(OPEN)
        self.session = Session(settings, self.lifecycle, "c1", at(0), secure=False)

    def send(self, seconds: float = 0, /, **message: Any) -> list[Output]:
        self.wall = WALL + seconds
        return self.perform(self.session.receive_text(json.dumps(message), at(seconds)))

    def perform(self, outputs: list[Output]) -> list[Output]:
        """What the connection does of them: a close ends receiving."""
        if any(isinstance(output, Close) for output in outputs):
            self.lifecycle.enter(DRAINING)
        return outputs

    def auth(self, permissions: list[str] | None = None, user_id: str = "ada", lifetime: float = 600) -> list[Output]:
        token = mint(secret_key(SECRET), user_id, READ if permissions is None else permissions, lifetime, now=WALL)
        return self.send(type="request", event="auth", id="a1", data={"token": token})

    def refresh(self, permissions: list[str], user_id: str = "ada", lifetime: float = 600) -> list[Output]:
        token = mint(secret_key(SECRET), user_id, permissions, lifetime, now=WALL)
        return self.send(type="request", event="refresh_token", id="f1", data={"token": token})


def authenticated(**options: Any) -> Peer:
    peer = Peer(**options)
    peer.auth()
    return peer


def read(output: Output) -> dict[str, Any]:
    assert isinstance(output, Reply), output
    document: dict[str, Any] = json.loads(output.payload)
    return document


def codes(outputs: list[Output]) -> list[ErrorCode | int | str]:
    """Each output in a word: the error's code, the close's code, or the kind of it."""
    return [_code(part) for output in outputs for part in _parts(output)]


def _parts(output: Output) -> list[Output]:
    return [output.last, output] if isinstance(output, Close) and output.last is not None else [output]


def _code(output: Output) -> ErrorCode | int | str:
    if isinstance(output, Reply):
        return output.error or output.kind
    return output.code if isinstance(output, Close) else type(output).__name__


def test_s2_3_a_valid_token_is_answered_and_then_welcomed() -> None:
    answer, welcome = map(read, Peer().auth())
    assert (answer["type"], answer["event"], answer["correlation_id"]) == ("response", "auth", "a1")
    assert (answer["data"]["status"], answer["data"]["user_id"]) == ("authenticated", "ada")
    assert answer["data"]["expires_at"].startswith("2027-")
    assert (welcome["type"], welcome["event"], welcome["room"]) == ("event", "session.created", None)


def test_s2_4_the_welcome_has_all_its_fields() -> None:
    welcome = read(Peer().auth()[1])["data"]
    assert welcome.keys() == {
        "connection_id", "server", "message", "authenticated", "secure", "tls_mode", "rate_limit", "features",
    }  # fmt: skip
    assert (welcome["connection_id"], welcome["server"]) == ("c1", "ledger-server")
    assert (welcome["authenticated"], welcome["secure"], welcome["tls_mode"]) == (True, False, "WS")


def test_s2_3_without_authentication_the_welcome_comes_at_once() -> None:
    peer = Peer(auth=False)
    (welcome,) = peer.session.open(None)
    assert read(welcome)["data"]["authenticated"] is False
    assert codes(peer.send(type="request", event="post", id="1")) == ["Request"]


def test_s2_3_with_authentication_nothing_is_sent_before_the_token() -> None:
    assert Peer().session.open(None) == []


def test_s2_3_a_header_s_identity_is_welcomed_at_once() -> None:
    peer = Peer()
    (welcome,) = peer.session.open(Identity("ada", frozenset(), WALL + 60))
    assert read(welcome)["event"] == "session.created"


@pytest.mark.parametrize(
    ("message", "error", "reason"),
    [
        ('{"type":"request","event":"auth","data":{"token":"x"}}', "AUTH_FAILED", "Authentication failed"),
        ('{"type":"request","event":"auth","data":{}}', "AUTH_FAILED", "Authentication failed"),
        ('{"type":"request","event":"auth"}', "AUTH_FAILED", "Authentication failed"),
        ('{"type":"request","event":"auth","data":{"token":5}}', "AUTH_FAILED", "Authentication failed"),
        ('{"type":"request","event":"post","id":"1"}', "AUTH_REQUIRED", "Authentication required"),
        ('{"type":"event","event":"auth","data":{"token":"x"}}', "AUTH_REQUIRED", "Authentication required"),
        ('{"type":"ping"}', "AUTH_REQUIRED", "Authentication required"),
        ('{"type":"nonsense"}', "AUTH_REQUIRED", "Authentication required"),
        ("junk", "AUTH_REQUIRED", "Authentication required"),
        ("[]", "AUTH_REQUIRED", "Authentication required"),
    ],
)
def test_s2_3_any_other_first_message_is_the_last(message: str, error: str, reason: str) -> None:
    peer = Peer()
    outputs = peer.perform(peer.session.receive_text(message, at(0)))
    assert codes(outputs) == [error, 1008]
    assert outputs[1] == Close(1008, reason)
    assert peer.auth() == [], "a draining session takes no second try"


def test_s2_3_no_message_in_time() -> None:
    peer = Peer()
    assert peer.session.tick(at(4.9)) == []
    outputs = peer.session.tick(at(5.0))
    assert codes(outputs) == ["AUTH_REQUIRED", 1008]
    assert outputs[1] == Close(1008, "Authentication required")


def test_s2_3_control_frames_do_not_put_the_auth_timeout_off() -> None:
    peer = Peer()
    peer.session.receive_ping(b"", at(4))
    peer.session.receive_pong(at(4))
    assert codes(peer.session.tick(at(5))) == ["AUTH_REQUIRED", 1008]


def test_s2_2_a_user_with_too_many_connections_gets_an_error_and_is_closed_1013() -> None:
    outputs = Peer(admit=False).auth()
    assert codes(outputs) == ["LIMIT_EXCEEDED", 1013]
    assert read(outputs[0])["correlation_id"] == "a1"


@pytest.mark.parametrize("junk", ["x", "[]", "{}", '{"type":1}', '{"type":"request","data":[]}'])
def test_s1_junk_is_a_decode_error_and_the_connection_stays(junk: str) -> None:
    peer = authenticated()
    (error,) = peer.session.receive_text(junk, at(0))
    answer = read(error)
    assert (answer["error_code"], answer["event"], answer["correlation_id"]) == ("DECODE_ERROR", None, None)
    assert codes(peer.send(type="ping")) == ["pong"]


@pytest.mark.parametrize("kind", ["response", "error", "pong", "nonsense", ""])
def test_s1_a_type_that_is_not_taken(kind: str) -> None:
    (error,) = authenticated().send(type=kind, event="x", id="1")
    assert (read(error)["error_code"], read(error)["correlation_id"]) == ("INVALID_MESSAGE", "1")


@pytest.mark.parametrize("message", [{"type": "request"}, {"type": "event", "event": "posted"}, {"type": "event"}])
def test_s1_a_message_of_an_unknown_type(message: dict[str, str]) -> None:
    assert codes(authenticated().send(**message)) == ["INVALID_MESSAGE"]


def test_s1_an_ack_is_taken_without_an_answer() -> None:
    assert authenticated().send(type="ack", id="1") == []


def test_s1_a_binary_frame_closes_1003() -> None:
    assert codes(authenticated().session.receive_binary()) == [1003]


@pytest.mark.parametrize(
    "message",
    [
        {"type": "request", "event": "subscribe"},
        {"type": "event", "event": "subscribe"},
        {"type": "subscribe"},
    ],
)
def test_s1_3_the_published_client_s_forms_mean_requests(message: dict[str, str]) -> None:
    (output,) = authenticated().send(**message, id="1", data={"room": "global"})
    assert isinstance(output, Request)
    assert (output.message.event, output.message.id) == ("subscribe", "1")
    assert output.message.data == {"room": "global"}


@pytest.mark.parametrize("message", [{"type": "ping"}, {"type": "request", "event": "ping"}])
def test_s3_ping(message: dict[str, str]) -> None:
    (pong,) = authenticated().send(**message, id="p1")
    answer = read(pong)
    assert (answer["type"], answer["event"], answer["correlation_id"]) == ("pong", "ping", "p1")


def test_s4_messages_over_the_rate_are_refused_and_dropped() -> None:
    peer = authenticated(messages_per_second=10, burst_factor=1)
    outputs = [peer.send(type="request", event="post", id=str(n)) for n in range(10)]
    assert [codes(each) for each in outputs] == [["Request"]] * 9 + [["RATE_LIMIT_EXCEEDED"]]
    refused = read(outputs[-1][0])
    assert (refused["correlation_id"], refused["data"]["retry_after"]) == ("9", 0.1)
    assert codes(peer.send(0.1, type="request", event="post")) == ["Request"]


def test_s4_what_is_over_the_rate_is_named_and_not_decoded() -> None:
    peer = authenticated(messages_per_second=1, burst_factor=1)
    data = "[" * 100 + "]" * 100
    (refusal,) = peer.session.receive_text(f'{{"type":"request","id":"x","data":{{"a":{data}}}}}', at(0))
    assert (read(refusal)["error_code"], read(refusal)["correlation_id"]) == ("RATE_LIMIT_EXCEEDED", "x")


def test_s4_a_first_message_over_its_own_limit_is_not_decoded() -> None:
    for excess, code in ((0, "AUTH_FAILED"), (1, "AUTH_REQUIRED")):
        peer = Peer(first_message_bytes=100)
        text = '{"type":"request","event":"auth","data":{"token":"é"}}'
        outputs = peer.session.receive_text(text + " " * (100 + excess - len(text.encode())), at(0))
        assert codes(outputs) == [code, 1008]


def test_s4_junk_counts_towards_the_rate() -> None:
    peer = authenticated(messages_per_second=10, burst_factor=1)
    answers = [codes(peer.session.receive_text("junk", at(0)))[0] for _ in range(10)]
    assert answers == ["DECODE_ERROR"] * 9 + ["RATE_LIMIT_EXCEEDED"]


def test_s4_a_client_that_keeps_on_over_the_rate_is_closed_1008() -> None:
    peer = authenticated(messages_per_second=10, burst_factor=1, rate_patience=1)
    seen = [codes(peer.send(n / 50, type="ping")) for n in range(100)]
    assert [1008] in seen
    assert seen[seen.index([1008]) + 1 :] == [[]] * (99 - seen.index([1008]))


def test_s4_pings_over_the_rate_are_not_answered_and_then_closed() -> None:
    peer = authenticated(messages_per_second=10, burst_factor=1, rate_patience=1)
    seen = [peer.session.receive_ping(b"x", at(n / 50)) for n in range(100)]
    assert seen[0] == [Pong(b"x")]
    assert [] in seen
    assert [Close(1008, "Rate limit exceeded")] in seen


def test_s4_unsolicited_pongs_count_towards_the_rate() -> None:
    peer = authenticated(messages_per_second=10, burst_factor=1, rate_patience=1)
    seen = [peer.session.receive_pong(at(n / 50)) for n in range(100)]
    assert seen[:10] == [[]] * 10
    assert [Close(1008, "Rate limit exceeded")] in seen


def test_s4_server_ping_and_its_timeout() -> None:
    peer = authenticated()
    assert peer.session.tick(at(19)) == []
    assert peer.session.tick(at(20)) == [Ping()]
    assert peer.session.tick(at(29)) == []
    assert codes(peer.session.tick(at(30))) == [ABNORMAL]


def test_s4_any_sign_of_life_answers_the_ping() -> None:
    peer = authenticated()
    peer.session.tick(at(20))
    peer.session.data_received()
    assert peer.session.tick(at(31)) == []


def test_s2_expiry_warns_once_and_then_ends() -> None:
    peer = Peer()
    peer.auth(lifetime=100)
    peer.session.tick(at(20))
    assert codes(peer.session.tick(at(39))) == [ABNORMAL]


def test_s2_tokens_expiring_is_announced_once_and_then_enforced() -> None:
    peer = Peer()
    peer.auth(lifetime=70)
    assert peer.session.tick(at(9)) == []
    (warning,) = peer.session.tick(at(12))
    assert (read(warning)["event"], read(warning)["data"]) == ("auth.expiring", {"expires_in": 58})
    assert peer.session.tick(at(13)) == []
    peer.send(60, type="ack")
    assert codes(peer.session.tick(at(70))) == ["TOKEN_EXPIRED", 1008]


def test_s2_an_end_that_a_busy_loop_let_pass_is_announced_all_the_same() -> None:
    peer = Peer()
    peer.auth(lifetime=70)
    warning, *end = peer.session.tick(at(71))
    assert (read(warning)["event"], read(warning)["data"]) == ("auth.expiring", {"expires_in": 0})
    assert codes(end) == ["TOKEN_EXPIRED", 1008]


def test_s2_a_message_after_expiry_is_not_executed() -> None:
    peer = Peer()
    peer.auth(lifetime=70)
    outputs = peer.send(70, type="request", event="post", id="late")
    assert codes(outputs) == ["event", "TOKEN_EXPIRED", 1008]


def test_s2_refreshing_moves_the_end_and_warns_anew() -> None:
    peer = Peer()
    peer.auth(lifetime=70)
    peer.session.tick(at(12))
    (answer,) = peer.refresh(READ, lifetime=300)
    assert (read(answer)["event"], read(answer)["data"]["status"]) == ("refresh_token", "refreshed")
    peer.send(100, type="ack")
    assert "TOKEN_EXPIRED" not in codes(peer.session.tick(at(100)))
    assert "event" in codes(peer.session.tick(at(250)))


def test_s2_another_user_s_token_is_refused_and_changes_nothing() -> None:
    peer = authenticated()
    assert codes(peer.refresh(["admin"], user_id="eve")) == ["AUTH_FAILED"]
    assert peer.session.identity is not None
    assert (peer.session.identity.user_id, peer.session.identity.permissions) == ("ada", frozenset(READ))


@pytest.mark.parametrize("data", [{}, {"token": "x"}, {"token": None}])
def test_s2_a_bad_refresh_is_refused_and_the_connection_stays(data: dict[str, Any]) -> None:
    peer = authenticated()
    assert codes(peer.send(type="request", event="refresh_token", id="1", data=data)) == ["AUTH_FAILED"]
    assert codes(peer.send(type="ping")) == ["pong"]


def test_s2_refreshing_leaves_what_is_not_allowed_any_more() -> None:
    peer = authenticated()
    peer.session.channels.update({"account:1", "global"})
    outputs = peer.refresh(["account:read"])
    assert codes(outputs) == ["response", "Revoke", "event"]
    assert outputs[1] == Revoke("global")
    notice = read(outputs[2])
    assert (notice["event"], notice["room"]) == ("subscription.revoked", "global")
    assert notice["data"] == {"channel": "global"}


def test_s2_without_authentication_a_refresh_is_answered_all_the_same() -> None:
    peer = Peer(auth=False)
    peer.session.open(None)
    assert read(peer.refresh([])[0])["data"]["status"] == "refreshed"


def test_s7_a_reload_of_the_keys_holds_for_the_next_token() -> None:
    peer = authenticated()
    another = Verifier(KeyRing.of_secret("another-secret-of-at-least-32-bytes!"), clock=lambda: WALL)
    peer.current.replace(dataclasses.replace(peer.current.value, verifier=another))
    assert codes(peer.refresh(READ)) == ["AUTH_FAILED"]
    assert codes(peer.send(type="ping")) == ["pong"], "whoever is in stays in"


def test_s2_a_draining_session_receives_nothing_and_sends_nothing() -> None:
    peer = authenticated()
    peer.lifecycle.enter(DRAINING)
    assert peer.send(type="ping") == []
    assert peer.session.receive_ping(b"", at(0)) == []
    assert peer.session.tick(at(1000)) == []


def test_a_tick_is_due_when_the_next_thing_happens_and_soon_in_any_case() -> None:
    peer = Peer()
    assert peer.session.due(at(0)) == at(0.5).monotonic
    assert peer.session.due(at(4.9)) == at(5).monotonic, "the auth timeout"
    peer.auth(lifetime=100)
    assert peer.session.due(at(19.8)) == at(20).monotonic, "a ping"
    peer.session.tick(at(20))
    assert peer.session.due(at(29.8)) == at(30).monotonic, "its answer"
    peer.session.data_received()
    assert peer.session.due(at(39.9)) == at(40).monotonic, "the warning, and another ping"
    peer.session.tick(at(40))
    assert peer.session.due(at(40)) == at(40).monotonic, "the ping is still to come"
