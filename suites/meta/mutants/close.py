"""Servers that are wrong in how a connection ends."""

import asyncio

from aiohttp import WSMessage, WSMsgType, web

from bodhisattva.servers.core.connections import upgrade
from bodhisattva.servers.core.connections.connection import Connection
from bodhisattva.servers.core.connections.session import Close, Reply
from bodhisattva.servers.core.server import Server
from bodhisattva.servers.core.transport import frames
from bodhisattva.servers.core.transport.frame_reader import _Messages
from bodhisattva.servers.core.transport.frame_validator import FrameValidator
from bodhisattva.servers.core.transport.frames import ABNORMAL, PROTOCOL_ERROR
from bodhisattva.servers.core.transport.lifecycle import DRAINING
from bodhisattva.servers.core.transport.websocket import WebSocket
from bodhisattva.servers.core.upgrades import UpgradeHandler
from bodhisattva.suites.meta.inject import Inject, mutant

MANY = 10
MOMENT = 0.2
INVALID_PAYLOAD = 1007
PRIVATE = 3000
LARGEST = 0xFFFF


@mutant(
    "SECURITY-173",
    wrong="keeps the slot of a connection that it closes until its client has answered the close",
    failure="the slot is kept for who has not answered the close",
)
def keeps_slots_until_a_close_is_answered(inject: Inject) -> None:
    def keep(_connection: Connection) -> None:
        """The slot is given back when the closing handshake is over."""

    inject(Connection, "_free_unless_behind", keep)


@mutant(
    "SECURITY-173",
    wrong="shows a connection that it closes on its channels until its client has answered the close",
    failure="who is closed is still on the channel",
)
def keeps_presence_until_a_close_is_answered(inject: Inject) -> None:
    leave = Connection._leave_channels

    def leave_when_answered(connection: Connection) -> None:
        if not connection.closing or connection._websocket._peer_done:
            leave(connection)

    inject(Connection, "_leave_channels", leave_when_answered)


@mutant(
    "LIFECYCLE-003",
    wrong="takes nothing more of anybody where one of many lines was cut",
    failure="in vain for the answer to",
)
def stops_answering_after_a_broken_connection(inject: Inject) -> None:
    release = Connection._release

    def release_and_stop(connection: Connection) -> None:
        others = list(connection._hub._connections.values())
        if not connection._websocket._validator.closed and len(others) > MANY:
            for other in others:
                if isinstance(other, Connection) and other._lifecycle.receives:
                    other._lifecycle.enter(DRAINING)
        release(connection)

    inject(Connection, "_release", release_and_stop)


@mutant(
    "SECURITY-020",
    wrong="keeps connections that have ended in its channels",
    failure="who is gone is still on the channel",
)
def keeps_ended_connections_present(inject: Inject) -> None:
    release = Connection._release

    def release_but_stay(connection: Connection) -> None:
        connection.session.channels = set()
        release(connection)

    inject(Connection, "_release", release_but_stay)


@mutant(
    "AUTH-015",
    wrong="takes requests for a moment after it has refused a token, before it closes",
    failure="more than the refusal",
)
def continues_after_a_refused_token(inject: Inject) -> None:
    perform_close = Connection._perform_close

    def shut_in_a_moment(connection: Connection, close: Close) -> None:
        if close.reason != "Authentication failed" or connection.session.identity is not None:
            return perform_close(connection, close)
        asyncio.get_running_loop().call_later(MOMENT, perform_close, connection, close)
        return None

    inject(Connection, "_perform_close", shut_in_a_moment)


@mutant(
    "DEGRADATION-008",
    wrong="keeps the slot of a connection that it has given up",
    failure="in vain for: a slot after a half-open connection",
)
def keeps_slots_of_abandoned_connections(inject: Inject) -> None:
    free = UpgradeHandler._free
    perform_close = Connection._perform_close
    given_up: set[str] = set()

    def shut_and_keep(connection: Connection, close: Close) -> None:
        if close.code == ABNORMAL:
            given_up.add(connection.connection_id)
        perform_close(connection, close)

    def free_others(upgrades: UpgradeHandler, connection: Connection) -> None:
        if connection.connection_id not in given_up:
            free(upgrades, connection)

    inject(Connection, "_perform_close", shut_and_keep)
    inject(UpgradeHandler, "_free", free_others)


@mutant("SECURITY-013", wrong="closes with 1000, as if all were well, where a text is not UTF-8", failure="1000")
def closes_1000_on_invalid_utf8(inject: Inject) -> None:
    protocol_error = Connection.protocol_error

    def close_well(connection: Connection, code: int) -> None:
        protocol_error(connection, 1000 if code == INVALID_PAYLOAD else code)

    inject(Connection, "protocol_error", close_well)


@mutant(
    "SECURITY-017", wrong="hangs up on everybody when one connection breaks the rules", failure="the connection ended"
)
def closes_everybody_after_a_violation(inject: Inject) -> None:
    protocol_error = Connection.protocol_error

    def end_all(connection: Connection, code: int) -> None:
        if code == PROTOCOL_ERROR:
            for other in list(connection._hub._connections.values()):
                if isinstance(other, Connection) and other is not connection:
                    other._websocket.transport.abort()
        protocol_error(connection, code)

    inject(Connection, "protocol_error", end_all)


@mutant(
    "LIFECYCLE-173",
    wrong="closes a connection that broke a rule without the answers to earlier requests",
    failure="requests were answered before the close",
)
def closes_without_pending_answers(inject: Inject) -> None:
    drain = Connection.drain

    def close_at_once(connection: Connection, code: int, reason: str, last: Reply | None = None) -> None:
        if last is None:
            connection._in_flight.clear()
        drain(connection, code, reason, last)

    inject(Connection, "drain", close_at_once)


@mutant(
    "AUTH-173",
    wrong="closes at the end of a token without the answers to earlier requests",
    failure="commands that took effect",
)
def drops_requests_in_flight_when_a_token_ends(inject: Inject) -> None:
    drain = Connection.drain

    def close_at_once(connection: Connection, code: int, reason: str, last: Reply | None = None) -> None:
        if last is not None:
            connection._in_flight.clear()
        drain(connection, code, reason, last)

    inject(Connection, "drain", close_at_once)


@mutant("LIFECYCLE-021", wrong="answers every close with 1000", failure="1000 == 1001")
def answers_every_close_with_1000(inject: Inject) -> None:
    peer_closed = Connection.peer_closed

    def end_well(connection: Connection, code: int) -> None:
        peer_closed(connection, 1000 if code == 1001 or code >= PRIVATE else code)

    inject(Connection, "peer_closed", end_well)


@mutant(
    "LIFECYCLE-007",
    wrong="closes at the end of its drain without the answers that are due",
    failure="requests in flight were answered",
)
def drains_without_its_last_answers(inject: Inject) -> None:
    async def finish_at_once(connection: Connection, code: int, reason: str) -> None:
        connection.close(code, reason)

    inject(Connection, "close_when_idle", finish_at_once)


@mutant(
    "PROTOCOL-074",
    wrong="goes on counting connections whose line was cut",
    failure="in vain for: the count of two connections",
)
def counts_cut_connections_as_current(inject: Inject) -> None:
    connection_lost = Connection.connection_lost

    def lose_and_count(connection: Connection) -> None:
        if not connection._websocket._validator.closed:
            connection._metrics.connections.inc()
        connection_lost(connection)

    inject(Connection, "connection_lost", lose_and_count)


@mutant(
    "DEGRADATION-003",
    wrong="is not ready once a connection has failed in the midst of a frame",
    failure="assert 503 == 200",
)
def is_not_ready_after_a_broken_frame(inject: Inject) -> None:
    connection_lost = Connection.connection_lost
    not_ready = Server.not_ready
    cut: list[str] = []

    def lost_in_a_frame(connection: Connection) -> None:
        if connection._websocket._validator._skip:
            cut.append(connection.connection_id)
        connection_lost(connection)

    def not_ready_once_cut(server: Server) -> str | None:
        return "a connection failed" if cut else not_ready(server)

    inject(Connection, "connection_lost", lost_in_a_frame)
    inject(Server, "not_ready", not_ready_once_cut)


@mutant(
    "DEGRADATION-003",
    wrong="turns away whoever comes next after a connection has failed in the midst of a frame",
    failure="HTTP 503",
)
def refuses_connections_after_a_broken_frame(inject: Inject) -> None:
    check = upgrade.check
    connection_lost = Connection.connection_lost
    cut: list[str] = []

    def lost_in_a_frame(connection: Connection) -> None:
        if connection._websocket._validator._skip:
            cut.append(connection.connection_id)
        connection_lost(connection)

    def check_after_a_failure(request: web.Request) -> None:
        if cut:
            cut.clear()
            raise web.HTTPServiceUnavailable
        check(request)

    inject(Connection, "connection_lost", lost_in_a_frame)
    inject(upgrade, "check", check_after_a_failure)


@mutant(
    "SECURITY-020",
    wrong="keeps the slot of a connection whose line was cut",
    failure="in vain for: a slot after a reset",
)
def keeps_slots_of_reset_connections(inject: Inject) -> None:
    free = UpgradeHandler._free

    def free_answered_closes(upgrades: UpgradeHandler, connection: Connection) -> None:
        if connection._closer is not None or connection._websocket._validator.closed:
            free(upgrades, connection)

    inject(UpgradeHandler, "_free", free_answered_closes)


@mutant("SECURITY-019", wrong="answers 1000 to a close frame that nobody may send", failure="close frame b'\\x03'")
def finds_no_fault_in_close_frames(inject: Inject) -> None:
    break_off = WebSocket._break_off

    def break_off_well(websocket: WebSocket, code: int) -> None:
        faulty = websocket._validator.closed and code == PROTOCOL_ERROR
        break_off(websocket, 1000 if faulty else code)

    inject(WebSocket, "_break_off", break_off_well)


@mutant("LIFECYCLE-021", wrong="executes what a client sends after its close", failure="was not refused")
def executes_requests_after_a_close(inject: Inject) -> None:
    receive, validate = WebSocket._receive, FrameValidator.validate

    def validate_past_the_close(validator: FrameValidator, data: bytes) -> int:
        valid = validate(validator, data)
        return len(data) if validator.closed and validator.violation is None else valid

    def receive_all(websocket: WebSocket, messages: list[WSMessage], violation: BaseException | None) -> None:
        closes = [each for each in messages if each.type is WSMsgType.CLOSE]
        others = [each for each in messages if each.type is not WSMsgType.CLOSE]
        receive(websocket, [*others, *closes], violation)

    inject(FrameValidator, "validate", validate_past_the_close)
    inject(WebSocket, "_receive", receive_all)


@mutant("SECURITY-241", wrong="answers a close code that no RFC allows with itself", failure="close code 5000")
def answers_any_close_code(inject: Inject) -> None:
    inject.constant(frames, "LAST_CLOSE_CODE", LARGEST, reader=(_Messages, "feed_data"))
