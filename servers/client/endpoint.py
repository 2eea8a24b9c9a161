"""Where to connect and how; what can fail before there is a WebSocket."""

import re
import ssl as tls
from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp

from bodhisattva.servers.client.errors import AuthenticationFailed, CertificateRefused, Unreachable

_UNAUTHORIZED = 401


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
        return re.sub(r"//[^/?#]*@", "//", self.url)

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
            raise Unreachable(f"{self.place} answered the upgrade with {error.status}") from error
        except aiohttp.InvalidURL:  # which quotes it, password and all
            raise Unreachable(f"no connection to {self.place}: this is no URL") from None
        except (aiohttp.ClientError, OSError) as error:
            raise Unreachable(f"no connection to {self.place}: {error or type(error).__name__}") from error
