"""Names and addresses of machines: loopback, where to connect, and how a URL writes them."""

import ipaddress

_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where one listens is not where one connects


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def reachable(host: str) -> str:
    """Where one connects to what listens on `host`; for all addresses, that of this machine."""
    return _WILDCARDS.get(host, host)


def authority(host: str, port: int) -> str:
    """Host and port as a URL writes them (RFC 3986, 3.2.2)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
