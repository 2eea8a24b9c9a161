"""A reload: read the settings again, and put them in force whole or not at all (protocol 7)."""

import asyncio
from pathlib import Path
from typing import Any

from bodhisattva.servers.core import restart, settings_loader
from bodhisattva.servers.core.config import ConfigError
from bodhisattva.servers.core.settings import CurrentSettings, Settings
from bodhisattva.servers.core.settings_loader import SettingsLoader

_INTERVAL = 1.0  # seconds from one look at the files to the next
_Version = tuple[int, int] | None  # None: there is no such file


class Reloader:
    """Replaces the settings in force on demand, and whenever a file that they were read from changes.

    file: the configuration's own, if it has one.
    """

    def __init__(self, loader: SettingsLoader, current: CurrentSettings, file: Path | None, logger: Any) -> None:
        self._loader = loader
        self._current = current
        self._file = file
        self._logger = logger
        self._seen = self._versions()

    def reload(self) -> None:
        """Log `reloaded`, or `reload refused` with the reason if the configuration cannot be used."""
        self._seen = self._versions()
        running = self._current.value
        try:
            configured = self._loader.read()
            renewed = self._loader.make(configured, running.config)
            _check_unswitched(running, renewed)
        except ConfigError as error:
            self._logger.error("reload refused", reason=str(error))
            return
        self._current.replace(renewed)
        self.warn_of_lowered()
        waiting = restart.pending(renewed.config, configured)
        self._logger.info("reloaded", **({"needs_restart": waiting} if waiting else {}))

    def warn_of_lowered(self) -> None:
        """The well-known document claims the limits in force; the log records that higher ones were configured."""
        if lowered := self._current.value.lowered:
            self._logger.warning("limits lowered, since the hard limit of open files is below them", **lowered)

    async def watch(self) -> None:
        """Reload after each change of a file, until cancelled."""
        while True:
            if self._versions() != self._seen:
                self.reload()
            await asyncio.sleep(_INTERVAL)

    def _versions(self) -> tuple[_Version, ...]:
        own = [] if self._file is None else [self._file]
        return tuple(_version(file) for file in (*own, *settings_loader.files(self._current.config)))


def _check_unswitched(running: Settings, renewed: Settings) -> None:
    """Neither security feature goes on or off while connections are there."""
    tls_switched = (renewed.tls_context is None) is not (running.tls_context is None)
    if tls_switched or (renewed.verifier is None) is not (running.verifier is None):
        raise ConfigError("turning authentication or TLS on or off needs a restart")


def _version(file: Path) -> _Version:
    """Differs once the file was written, replaced, or given to another user, whatever its date."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_ctime_ns
