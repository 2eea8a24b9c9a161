"""TLS towards other services: the authority that a peer's certificate is checked by, and our own certificate."""

import ssl
from collections.abc import Mapping

from bodhisattva.servers.core.config import ConfigError, Peer


class PeerTrust:
    """The contexts of the peers that were connected to, which outlive a renewal of their certificates."""

    def __init__(self) -> None:
        self._contexts: dict[str, ssl.SSLContext | None] = {}

    def context_for(self, name: str, peer: Peer) -> ssl.SSLContext | None:
        """The context for a peer, None without TLS."""
        self._contexts[name] = context(peer)
        return self._contexts[name]

    def renew(self, peers: Mapping[str, Peer]) -> None:
        """Read the files again, for connections that are made from now on."""
        for name, used in self._contexts.items():
            if used is not None and name in peers:
                _load_files(used, peers[name])


def context(peer: Peer) -> ssl.SSLContext | None:
    """Believes the peer's `ca`, or else the system's; None without TLS. ConfigError for a file that cannot be used."""
    if (peer.certificate is None) is not (peer.key is None):
        missing = "key" if peer.key is None else "certificate"
        raise ConfigError(f"peers: {missing} is missing for {peer.url}; give both certificate and key, or neither")
    if not peer.url.startswith("wss:"):
        if peer.certificate is not None:
            raise ConfigError(f"peers: {peer.url} takes no certificate; use a wss:// URL, or leave it out")
        return None
    made = ssl.create_default_context()
    _load_files(made, peer)
    return made


def files(peers: Mapping[str, Peer]) -> list[str]:
    """The files that are read again when they change."""
    return [name for peer in peers.values() for name in (peer.ca, peer.certificate, peer.key) if name is not None]


def _load_files(context: ssl.SSLContext, peer: Peer) -> None:
    if peer.ca is not None:
        try:
            context.load_verify_locations(peer.ca)
        except OSError:
            raise ConfigError(f"peers: ca {peer.ca} is not a readable PEM certificate") from None
    if peer.certificate is not None and peer.key is not None:
        try:
            context.load_cert_chain(peer.certificate, peer.key, password=lambda: "")  # never prompt at a terminal
        except OSError:
            raise ConfigError(
                f"peers: key {peer.key} cannot be used with certificate {peer.certificate}; give the matching PEM key"
            ) from None
