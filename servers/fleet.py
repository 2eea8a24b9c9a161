"""Several services in one process, each with its own configuration, socket and log, connected to each other."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from bodhisattva.servers.core import addresses
from bodhisattva.servers.core import config as configuration
from bodhisattva.servers.core.config import Config, ConfigError, Peer
from bodhisattva.servers.core.file_limit import FileLimit
from bodhisattva.servers.core.server import Server
from bodhisattva.servers.registry import services

ALL = "all"


def chosen(names: Sequence[str]) -> list[str]:
    """The services that `names` stand for, in order and once each; ConfigError for an unknown one."""
    known = services()
    expanded = [name for given in names for name in (known if given == ALL else [given])]
    for name in expanded:
        if name not in known:
            raise ConfigError(f"there is no service {name}; choose from: {', '.join(known)}, {ALL}")
    return list(dict.fromkeys(expanded))


def build(names: Sequence[str], file: Path | None, overrides: dict[str, Any]) -> list[Server]:
    """Servers for `names`; ConfigError if one port is given for several."""
    names = chosen(names)
    _check_names(file)
    if len(names) > 1 and "port" in overrides:
        raise ConfigError("--port is for a single service; give ports in the file under `services`")

    def load(name: str) -> Config:
        config = configuration.load(name, file, overrides=overrides)
        peers = {other: _peer(other, file, overrides) for other in names if other != name}
        return msgspec.structs.replace(config, peers=peers | config.peers)

    descriptors = FileLimit(len(names))
    return [_server(name, load, file, descriptors) for name in names]


def configurations(file: Path | None) -> dict[str, Config]:
    """Every service's configuration, by name."""
    _check_names(file)
    return {name: configuration.load(name, file) for name in services()}


def _check_names(file: Path | None) -> None:
    if unknown := configuration.services_named(file) - set(services()):
        raise ConfigError(f"{file}: `services` has settings for {', '.join(map(str, unknown))}, which is no service")


def _server(name: str, load: Callable[[str], Config], file: Path | None, descriptors: FileLimit) -> Server:
    return Server(services()[name], lambda: load(name), file, descriptors)


def _peer(name: str, file: Path | None, overrides: dict[str, Any]) -> Peer:
    """Another service of this process, at the address in its configuration."""
    theirs = configuration.load(name, file, overrides=overrides)
    port = theirs.port if theirs.port is not None else services()[name].port
    scheme = "wss" if theirs.tls.certificate is not None else "ws"
    return Peer(f"{scheme}://{addresses.authority(addresses.reachable(theirs.host), port)}/ws")
