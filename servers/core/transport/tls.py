"""The server's TLS context (protocol 7): TLS 1.2 and later, forward-secret AEAD suites, mTLS by option."""

import asyncio
import ssl
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from bodhisattva.servers.core.config import ConfigError, Tls

# RFC 7525's advice and Mozilla's 'intermediate' agree on these for TLS 1.2; TLS 1.3 has only such suites.
CIPHERS = ":".join(
    (
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "ECDHE-RSA-CHACHA20-POLY1305",
    )
)


def server_context(tls: Tls) -> ssl.SSLContext | None:
    """The context for `tls`, None when no TLS is configured; ConfigError for anything half-configured."""
    if tls.certificate is None and tls.key is None:
        if tls.verify_client or tls.client_ca:
            raise ConfigError("tls.verify_client needs tls.certificate and tls.key")
        return None
    if tls.certificate is None or tls.key is None:
        missing = "tls.key" if tls.key is None else "tls.certificate"
        raise ConfigError(f"{missing} is missing; give both tls.certificate and tls.key, or neither")
    if tls.verify_client and tls.client_ca is None:
        raise ConfigError("tls.verify_client needs tls.client_ca, the CA that signed the clients' certificates")
    _check_validity(Path(tls.certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    # A resumed session is not verified again: it would outlive a client_ca that is no longer believed.
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    _load(context, tls)
    return context


def _load(context: ssl.SSLContext, tls: Tls) -> None:
    try:
        context.load_cert_chain(str(tls.certificate), tls.key, password=lambda: "")  # no prompt at a terminal
    except (OSError, ssl.SSLError):
        raise ConfigError(
            f"tls.key {tls.key} cannot be used with tls.certificate {tls.certificate}; give the matching PEM key"
        ) from None
    if tls.client_ca is None:
        return
    try:
        context.load_verify_locations(tls.client_ca)
    except (OSError, ssl.SSLError):
        raise ConfigError(f"tls.client_ca {tls.client_ca} is not a readable PEM certificate") from None
    context.verify_mode = ssl.CERT_REQUIRED if tls.verify_client else ssl.CERT_OPTIONAL


def _check_validity(file: Path) -> None:
    try:
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
    except (OSError, ValueError):
        raise ConfigError(f"tls.certificate {file} is not a readable PEM certificate") from None
    now = datetime.now(UTC)
    if certificate.not_valid_after_utc < now:
        raise ConfigError(f"tls.certificate {file} expired on {certificate.not_valid_after_utc:%Y-%m-%d}; renew it")
    if certificate.not_valid_before_utc > now:
        raise ConfigError(
            f"tls.certificate {file} is not valid before {certificate.not_valid_before_utc:%Y-%m-%d}; check the clock"
        )


def is_secure(transport: asyncio.Transport) -> bool:
    """Whether a connection is by TLS."""
    return transport.get_extra_info("sslcontext") is not None
