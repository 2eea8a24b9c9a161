"""Who a client certificate that TLS has verified speaks for (protocol 2 and 7).

It names its user once, in the field that `tls.client_user` selects. The configuration has the user's permissions.
"""

import ssl
from collections.abc import Mapping
from typing import Any

from bodhisattva.servers.core.auth.tokens import Certificate, Identity, names_a_user
from bodhisattva.servers.core.config import ConfigError, Tls
from bodhisattva.servers.core.errors import AuthFailed

_ALTERNATIVE_NAMES = {"san_dns": "DNS", "san_email": "email", "san_uri": "URI"}


def holder(certificate: Mapping[str, Any] | None, tls: Tls) -> Identity | None:
    """The user of a certificate in the form of `ssl.SSLObject.getpeercert`; None where certificates name nobody.

    AuthFailed if the field is not there exactly once: a name that has to be chosen is nobody's.
    """
    if tls.client_user is None:
        return None
    names = _names(certificate or {}, tls.client_user)
    if certificate is None or len(names) != 1 or not names_a_user(names[0]):
        raise AuthFailed("The certificate names no user.")
    user_id = names[0]
    expires_at = float(ssl.cert_time_to_seconds(certificate["notAfter"]))
    shown = Certificate(f"certificate:{certificate['serialNumber']}", expires_at)
    return Identity(user_id, frozenset(tls.client_permissions.get(user_id, ())), expires_at, certificate=shown)


def check(tls: Tls, auth: str) -> None:
    """ConfigError for a certificate's user without what it rests on."""
    if tls.client_user is None:
        if tls.client_permissions:
            raise ConfigError("tls.client_permissions needs tls.client_user, the field that names a certificate's user")
        return
    if not tls.verify_client:
        raise ConfigError("tls.client_user needs tls.verify_client: true, or anybody could claim the name")
    if auth != "required":
        raise ConfigError("tls.client_user needs auth: required; without authentication there are no users")


def _names(certificate: Mapping[str, Any], field: str) -> list[str]:
    if field == "common_name":
        return [value for part in certificate.get("subject", ()) for name, value in part if name == "commonName"]
    wanted = _ALTERNATIVE_NAMES[field]
    return [value for kind, value in certificate.get("subjectAltName", ()) if kind == wanted]
