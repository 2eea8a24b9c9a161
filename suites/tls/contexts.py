"""Client contexts that offer one version or suite, and the server's answer."""

import ssl
import warnings

from bodhisattva.fixtures.certificates import Certificate, trusting
from bodhisattva.fixtures.clock import eventually
from bodhisattva.fixtures.raw import RawPeer
from bodhisattva.fixtures.stack.node import START_BOUND, Node

# How OpenSSL names the alerts by which a server rejects an offer (RFC 8446 section 6.2).
REJECTION_ALERTS = {"TLSV1_ALERT_PROTOCOL_VERSION", "SSLV3_ALERT_HANDSHAKE_FAILURE"}
_END = "-----END CERTIFICATE-----\n"
_EVERYTHING = "ALL:COMPLEMENTOFALL:@SECLEVEL=0"


def only_version(node: Node, version: ssl.TLSVersion) -> ssl.SSLContext:
    """A verifying context of one version, even an old one that Python warns of."""
    context = trusting(node.ca)
    if version < ssl.TLSVersion.TLSv1_2:
        context.set_ciphers(_EVERYTHING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = version
        context.maximum_version = version
    return context


def only_suites(node: Node, suites: str) -> ssl.SSLContext:
    """A verifying TLS 1.2 context that offers these suites, however weak."""
    context = only_version(node, ssl.TLSVersion.TLSv1_2)
    context.set_ciphers(f"{suites}:@SECLEVEL=0")
    return context


def without_verification() -> ssl.SSLContext:
    """A context that verifies no certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def rejection_alert(node: Node, context: ssl.SSLContext) -> str:
    """The server's alert; AssertionError if there is a session, or if the offer never left this side."""
    try:
        peer = await RawPeer.connect(node.host, node.port, context)
    except ssl.SSLError as error:
        if error.reason in REJECTION_ALERTS:
            return str(error.reason)
        raise AssertionError(f"no alert of the server: {error}") from error
    except (ConnectionError, EOFError):
        return "connection cut"
    agreed = (peer.tls.version(), peer.tls.cipher()) if peer.tls else None
    await peer.close()
    raise AssertionError(f"the server agreed to {agreed}")


async def served_certificate(node: Node) -> bytes | None:
    """The certificate (DER) that a service shows to a new connection; None while there is no connection."""
    try:
        peer = await RawPeer.connect(node.host, node.port, without_verification())
    except OSError:
        return None
    found = peer.tls.getpeercert(binary_form=True) if peer.tls else None
    await peer.close()
    return found


async def wait_for_certificate(node: Node, certificate: Certificate, within: float = START_BOUND) -> None:
    """Wait until new connections are shown this certificate."""
    leaf = certificate.chain.decode().partition(_END)[0] + _END
    wanted = ssl.PEM_cert_to_DER_cert(leaf)

    async def is_it() -> bool:
        return await served_certificate(node) == wanted

    await eventually(is_it, "the new certificate is shown", within, every=0.1)


async def restart_with(node: Node, certificate: Certificate) -> None:
    """Stop, replace the certificate, start; whether clients accept it is another matter."""
    await node.stop()
    await node.install(certificate)
    await node.start(wait=False)
    await wait_for_certificate(node, certificate)
