"""Where to connect and how; what can fail before there is a WebSocket."""

import re
import ssl as tls
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import NoReturn

import aiohttp
from multidict import CIMultiDict

from bodhisattva.servers.client import pause
from bodhisattva.servers.client.errors import AuthenticationFailed, CertificateRefused, Redirected, Unreachable

_UNAUTHORIZED = 401
_LONGEST_TARGET = 200  # characters
_WAITS = frozenset({429, 503})
_PASSWORD = re.compile(r"//[^/?#]*@")


@dataclass(frozen=True)
class Endpoint:
    """A service's WebSocket address and the settings of a connection to it.

    ssl: the context for wss, None for the system's trust.
    server_hostname: the name to expect in the certificate, where it is not the URL's (behind a proxy).
    heartbeat: seconds of silence before a ping, half of it to wait for an answer; None for no pings.
    close_timeout: seconds to wait for the other side's close frame.
    max_message_bytes: of one incoming message.
    """

    url: str
    ssl: tls.SSLContext | None = None
    server_hostname: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    heartbeat: float | None = 20.0
    close_timeout: float = 1.0
    max_message_bytes: int = 16 * 2**20

    @property
    def place(self) -> str:
        """The URL as it may be told: without a user and a password."""
        return _PASSWORD.sub("//", self.url)

    def session(self) -> aiohttp.ClientSession:
        """A session that follows no redirect (RFC 6455, 4.1, leaves that to the client)."""
        watch = aiohttp.TraceConfig()
        watch.on_request_redirect.append(self._refuse_redirect)
        return aiohttp.ClientSession(trace_configs=[watch])

    async def connect(self, session: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse:
        """Open the WebSocket: Unreachable is worth another attempt, a Refused is not."""
        try:
            return await session.ws_connect(
                self.url,
                ssl=self.ssl or True,
                server_hostname=self.server_hostname,
                headers=self.headers,
                heartbeat=self.heartbeat,
                timeout=aiohttp.ClientWSTimeout(ws_close=self.close_timeout),  # pyright: ignore[reportCallIssue]
                max_msg_size=self.max_message_bytes,
            )
        except aiohttp.ClientConnectorCertificateError as error:
            raise CertificateRefused(f"{self.place}: {error.certificate_error}") from error
        except aiohttp.WSServerHandshakeError as error:
            if error.status == _UNAUTHORIZED:
                raise AuthenticationFailed(f"{self.place} answered the upgrade with 401") from error
            wait = (
                pause.retry_after(CIMultiDict(error.headers or ()).get("Retry-After"))
                if error.status in _WAITS
                else 0.0
            )
            raise Unreachable(f"{self.place} answered the upgrade with {error.status}", wait) from error
        except aiohttp.InvalidURL:  # which quotes it, password and all
            raise Unreachable(f"no connection to {self.place}: this is no URL") from None
        except (aiohttp.ClientError, OSError) as error:
            raise Unreachable(f"no connection to {self.place}: {error or type(error).__name__}") from error

    async def _refuse_redirect(
        self, _session: aiohttp.ClientSession, _context: SimpleNamespace, redirect: aiohttp.TraceRequestRedirectParams
    ) -> NoReturn:
        """Called before aiohttp follows one."""
        answer = redirect.response
        answer.close()
        target = answer.headers.get("Location", "").split("?")[0][:_LONGEST_TARGET]
        raise Redirected(
            f"{self.place} answered the upgrade with {answer.status}, a redirect to {_PASSWORD.sub('//', target)!r}; "
            "none is followed: give the URL of the service itself"
        )
