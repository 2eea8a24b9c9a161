"""Opening the WebSocket: the address, the settings, and the errors before there is a connection."""

import re
import ssl as tls
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import NoReturn

import aiohttp
from multidict import CIMultiDict

from bodhisattva.servers.client import retry_after
from bodhisattva.servers.client.errors import AuthenticationFailed, CertificateRefused, Redirected, Unreachable

_UNAUTHORIZED = 401
_LONGEST_TARGET = 200  # characters
_WITH_RETRY_AFTER = frozenset({429, 503})
_PASSWORD = re.compile(r"//[^/?#]*@")


@dataclass(frozen=True)
class Endpoint:
    """A service's WebSocket address and the settings of a connection to it.

    ssl: the context for wss, None for the system's authorities.
    server_hostname: the name that the certificate must have, if it is not the URL's (behind a proxy).
    heartbeat: seconds without a message before a ping; the pong may take half of that. None for no pings.
    close_timeout: seconds to wait for the server's close frame.
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
    def redacted_url(self) -> str:
        """The URL without user and password, for messages and logs."""
        return _PASSWORD.sub("//", self.url)

    def session(self) -> aiohttp.ClientSession:
        """A session that follows no redirect (RFC 6455, 4.1, leaves that to the client)."""
        trace = aiohttp.TraceConfig()
        trace.on_request_redirect.append(self._refuse_redirect)
        return aiohttp.ClientSession(trace_configs=[trace])

    async def connect(self, session: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse:
        """Open the WebSocket. Another attempt may succeed after Unreachable, and cannot after a Refused."""
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
            raise CertificateRefused(f"{self.redacted_url}: {error.certificate_error}") from error
        except aiohttp.WSServerHandshakeError as error:
            if error.status == _UNAUTHORIZED:
                raise AuthenticationFailed(f"{self.redacted_url} answered the upgrade with 401") from error
            wait = (
                retry_after.from_header(CIMultiDict(error.headers or ()).get("Retry-After"))
                if error.status in _WITH_RETRY_AFTER
                else 0.0
            )
            raise Unreachable(f"{self.redacted_url} answered the upgrade with {error.status}", wait) from error
        except aiohttp.InvalidURL:  # its text would quote the password
            raise Unreachable(f"no connection to {self.redacted_url}: this is no URL") from None
        except (aiohttp.ClientError, OSError) as error:
            raise Unreachable(f"no connection to {self.redacted_url}: {error or type(error).__name__}") from error

    async def _refuse_redirect(
        self, _session: aiohttp.ClientSession, _context: SimpleNamespace, redirect: aiohttp.TraceRequestRedirectParams
    ) -> NoReturn:
        """aiohttp calls this before it follows a redirect."""
        answer = redirect.response
        answer.close()
        target = _PASSWORD.sub("//", answer.headers.get("Location", "").split("?")[0][:_LONGEST_TARGET])
        raise Redirected(
            f"{self.redacted_url} answered the upgrade with {answer.status}, a redirect to {target!r}; "
            "none is followed: give the URL of the service itself"
        )
