"""The source of a client's tokens."""

import inspect
from collections.abc import Awaitable, Callable

from bodhisattva.servers.client.errors import AuthenticationFailed

Token = str | Callable[[], str | Awaitable[str]]


class TokenSource:
    """A fixed token, or a callable that returns a fresh one each time."""

    def __init__(self, token: Token | None) -> None:
        self._token = token

    @property
    def renewable(self) -> bool:
        """Whether the next call of `get` can return another token."""
        return callable(self._token)

    def replace(self, token: str) -> None:
        """Use `token` from now on, unless a callable supplies the tokens."""
        if not self.renewable:
            self._token = token

    async def get(self) -> str | None:
        """The token to use now, None for a client that has none.

        OSError, a timeout among them, may pass and is raised as it is. Any other error becomes AuthenticationFailed.
        """
        if self._token is None or isinstance(self._token, str):
            return self._token
        try:
            token = self._token()
            return await token if inspect.isawaitable(token) else token
        except OSError:
            raise
        except Exception as error:
            raise AuthenticationFailed("the token callable failed") from error
