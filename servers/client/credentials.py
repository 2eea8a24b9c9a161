"""Where a client's tokens come from."""

import inspect
from collections.abc import Awaitable, Callable

from bodhisattva.servers.client.errors import AuthenticationFailed

Token = str | Callable[[], str | Awaitable[str]]


class TokenSource:
    """A fixed token, or a callable asked for a fresh one whenever one is needed."""

    def __init__(self, token: Token | None) -> None:
        self._token = token

    @property
    def renewable(self) -> bool:
        """Whether asking again can give another token."""
        return callable(self._token)

    def replace(self, token: str) -> None:
        """Use `token` from now on, unless fresh ones come from a callable anyway."""
        if not self.renewable:
            self._token = token

    async def get(self) -> str | None:
        """The token to use now, None for a client that has none.

        OSError (a timeout is one) stands for trouble that may pass; anything else is AuthenticationFailed.
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
