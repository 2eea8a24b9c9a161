"""Configuration: one schema with every default, read from a YAML file and the environment.

The environment wins: `BODHISATTVA_PORT=9000`, `BODHISATTVA_LIMITS__CONNECTIONS=50`. Whatever is wrong is one
ConfigError line that names the key (protocol 7).
"""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import yaml
from msgspec import Meta

from bodhisattva.servers.core.errors import Refused

PREFIX = "BODHISATTVA_"
_SEPARATOR = "__"
_LISTS = {"origins", "trusted_proxies"}
_NO_TEXT = "there is a NUL or half a character in it; write it as UTF-8 without either"

Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=1)]
Port = Annotated[int, Meta(ge=0, le=65535)]
RESTART = Meta(extra={"restart": True})
"""Marks a setting that a reload leaves as it is: only a restart changes it (see `restart`)."""


class ConfigError(Refused):
    """Something in the configuration, or what it names."""


class _Section(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    pass


class Tokens(_Section, frozen=True):
    """How tokens are judged (protocol 2). Times in seconds.

    secret: HS256, at least 32 bytes; secret_file: a file that holds it instead. public_key: a PEM file;
    jwks_file: keys with their `kid`, so that a rotation has the old and the new side by side.
    revoked_file: the `jti` of tokens taken back, one a line. All files are read again when they change.
    audience: `aud` must name it. max_lifetime: the longest `exp` - `iat`. expiry_warning: `auth.expiring` this early.
    """

    secret: str | None = None
    secret_file: str | None = None
    public_key: str | None = None
    jwks_file: str | None = None
    revoked_file: str | None = None
    audience: str | None = None
    max_lifetime: Positive = 3600
    leeway: NotNegative = 5
    expiry_warning: NotNegative = 60


class Tls(_Section, frozen=True):
    """PEM files. client_ca with verify_client requires of every client a certificate that it signed.

    client_user: the field of that certificate which names its user, who then needs no token; None: tokens name users.
    client_permissions: what such users may do, by user; none for those who are not listed.
    """

    certificate: str | None = None
    key: str | None = None
    client_ca: str | None = None
    verify_client: bool = False
    client_user: Literal["common_name", "san_dns", "san_email", "san_uri"] | None = None
    client_permissions: dict[str, tuple[str, ...]] = {}


class Limits(_Section, frozen=True):
    """The limits of one service (protocol 4).

    burst_factor: burst = messages_per_second x this. rate_patience: seconds of keeping on over the rate until 1008.
    first_message_bytes: of a message before authentication. values, nesting: of a message's JSON.
    queue_bytes, queue_age (seconds): a connection's unsent output; beyond either it is closed 4008.
    pending_connections: sockets besides: amid TLS or HTTP, before the upgrade, and those that are being closed.
    """

    connections: Count = 1000
    pending_connections: Count = 1000
    connections_per_user: Count = 1000
    connections_per_address: Count = 1000
    messages_per_second: Positive = 100
    burst_factor: Annotated[float, Meta(ge=1)] = 1.5
    rate_patience: Positive = 10
    channels: Count = 1000
    message_bytes: Count = 1024 * 1024
    first_message_bytes: Count = 16 * 1024
    values: Count = 50_000
    nesting: Count = 64
    queue_bytes: Count = 8 * 1024 * 1024
    queue_age: Positive = 10

    @property
    def burst(self) -> float:
        """Messages that may come at once: at least one, however low the rate."""
        return max(1.0, self.messages_per_second * self.burst_factor)


class Timeouts(_Section, frozen=True):
    """Seconds. handshake: for TLS, and then for the head of a request. auth: from the upgrade to the first message.

    drain: from SIGTERM to exit at the latest.
    drain_grace: how long `/ready` answers 503 before connections are closed, so that balancers notice.
    reconnect_spread: `reconnect_after` is drawn from 0 to this. deduplication: answers are kept this long (1.2).
    """

    handshake: Annotated[Positive, RESTART] = 10
    auth: Positive = 5
    ping_interval: Positive = 20
    ping_timeout: Positive = 20
    drain: Positive = 10
    drain_grace: NotNegative = 1
    reconnect_spread: NotNegative = 5
    deduplication: Annotated[Positive, RESTART] = 600


class Retention(_Section, frozen=True):
    """How much of the past the log holds for resumption and history (protocol 5); None is without limit.

    events: how many. bytes: of their data. age: seconds. interval: seconds from one look at it to the next.
    """

    events: Count | None = None
    bytes: Count | None = None
    age: Positive | None = None
    interval: Positive = 60


class LogConfig(_Section, frozen=True):
    """kind: `sqlite` keeps a file in the state folder; `memory` forgets at the end of the process.

    `redis` is for several replicas of a service, which share the log at `url`, under keys that begin with `prefix`.
    durability: the least that Redis must promise of an answered write, or the service does not start: `always` on the
    disk, `everysec` on the disk a second later, `none`. acknowledgements: Redis replicas that must have it, too.
    timeout: seconds after which a Redis that does not answer counts as gone.
    """

    kind: Annotated[Literal["sqlite", "memory", "redis"], RESTART] = "sqlite"
    retention: Retention = Retention()
    url: Annotated[str | None, RESTART] = None
    prefix: Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_.:-]+\Z"), RESTART] = "bodhisattva"
    durability: Annotated[Literal["always", "everysec", "none"], RESTART] = "always"
    acknowledgements: Annotated[int, Meta(ge=0), RESTART] = 0
    timeout: Annotated[Positive, RESTART] = 2


class Peer(_Section, frozen=True):
    """Another service, for bridges and remote stages. token_file: a token to use instead of one of our own minting.

    url: in lower case, since only a peer at `wss://` is verified.
    ca: PEM of the authority that signed its certificate. certificate, key: ours, for a peer that verifies clients.
    """

    url: Annotated[str, Meta(pattern=r"\Awss?://[^/]")]
    ca: str | None = None
    certificate: str | None = None
    key: str | None = None
    token_file: str | None = None


class Logging(_Section, frozen=True):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "console"] = "json"


class Tracing(_Section, frozen=True):
    """endpoint: of an OpenTelemetry collector that takes OTLP over HTTP; without one nothing is traced.

    sample: which share of the traces that begin here is kept.
    """

    endpoint: Annotated[str, Meta(pattern=r"\Ahttps?://")] | None = None
    sample: Annotated[float, Meta(ge=0, le=1)] = 1.0


class Config(_Section, frozen=True):
    """One service's configuration; `port` None is the service's own default.

    auth: `required` wants a secret; `disabled` is for loopback only. origins: browsers' pages that may connect.
    trusted_proxies: networks of the proxies whose X-Forwarded-For and X-Forwarded-Proto count.
    compression: agree to permessage-deflate (RFC 7692) with who offers it.
    loop: that of the whole process; `auto` is uvloop where the extra `fast` is installed.
    """

    host: Annotated[str, Meta(min_length=1), RESTART] = "127.0.0.1"
    port: Annotated[Port | None, RESTART] = None
    state: Annotated[str, RESTART] = "state"
    auth: Literal["required", "disabled"] = "required"
    tokens: Tokens = Tokens()
    tls: Tls = Tls()
    origins: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    compression: Annotated[bool, RESTART] = False
    limits: Limits = Limits()
    timeouts: Timeouts = Timeouts()
    log: LogConfig = LogConfig()
    peers: dict[str, Peer] = {}
    logging: Annotated[Logging, RESTART] = Logging()
    tracing: Annotated[Tracing, RESTART] = Tracing()
    loop: Annotated[Literal["auto", "asyncio", "uvloop"], RESTART] = "auto"


def load(
    service: str,
    file: Path | None,
    environment: Mapping[str, str] = os.environ,
    overrides: Mapping[str, Any] | None = None,
) -> Config:
    """The configuration of `service`.

    Defaults, then the file, then its `services` part, then the environment, then overrides (the command line).
    """
    document = _read(file) if file is not None else {}
    own = _services(document, file).get(service) or {}
    document.pop("services", None)
    merged = merge(merge(merge(document, own), _from(environment)), overrides or {})
    try:
        config = msgspec.convert(merged, Config, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{file or 'settings'}: {_explain(str(error))}") from None
    except UnicodeEncodeError:  # of a name, or of a value that is one of few
        raise ConfigError(f"{file or 'settings'}: {_NO_TEXT}") from None
    if broken := next(_broken(msgspec.to_builtins(config)), None):
        raise ConfigError(f"{file or 'settings'}: {broken}: {_NO_TEXT}")
    return config


def services_named(file: Path | None) -> set[str]:
    """The services that the file has settings of their own for."""
    return set(_services(_read(file), file)) if file is not None else set()


def _services(document: dict[str, Any], file: Path | None) -> dict[str, Any]:
    by_service = document.get("services") or {}
    if not isinstance(by_service, dict) or not all(isinstance(own or {}, dict) for own in by_service.values()):
        raise ConfigError(f"{file}: `services` must map service names to settings")
    return by_service


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `over` laid on top, section by section."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def as_yaml(config: Config) -> str:
    """The effective configuration as YAML, secrets masked."""
    plain = msgspec.to_builtins(config)
    if plain["tokens"]["secret"]:
        plain["tokens"]["secret"] = "(hidden)"
    peers = ((peer, "url") for peer in plain["peers"].values())
    for section, key in ((plain["log"], "url"), (plain["tracing"], "endpoint"), *peers):
        if section[key]:
            section[key] = without_password(section[key])
    return str(yaml.safe_dump(plain, sort_keys=False))


def without_password(url: str) -> str:
    """The URL as it may be shown."""
    return re.sub(r"(?s)\A([\w+]+://)?.*@", r"\1(hidden)@", re.sub(r"(password=)[^&]*", r"\1(hidden)", url))


def secret(config: Config) -> str | None:
    """The HS256 secret, from the configuration or its file."""
    if config.tokens.secret_file is None:
        return config.tokens.secret
    try:
        return Path(config.tokens.secret_file).read_text().strip()
    except OSError as error:
        raise ConfigError(f"tokens.secret_file {config.tokens.secret_file}: {error.strerror}") from None
    except ValueError:
        raise ConfigError(f"tokens.secret_file {config.tokens.secret_file} is not text") from None


def _read(file: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}; give an existing YAML file with --config") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{file} is not YAML{_where(error)}") from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigError(f"{file}: the top level must be a mapping of settings")
    return document


def _where(error: Exception) -> str:
    """The line, and what is wrong there, without the text that stands there: it may be a secret."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return ""
    problem = re.sub(r"'[^']*'", "'…'", error.problem or "")
    return f": line {error.problem_mark.line + 1}: {problem}"


def _from(environment: Mapping[str, str]) -> dict[str, Any]:
    """`BODHISATTVA_A__B=x` as {a: {b: x}}; without `__`, other programs' variables of that prefix are none of ours."""
    settings: dict[str, Any] = {}
    for name, value in environment.items():
        if not name.startswith(PREFIX):
            continue
        path = name.removeprefix(PREFIX).lower().split(_SEPARATOR)
        if path[0] not in Config.__struct_fields__:
            if len(path) > 1:
                raise ConfigError(f"{name}: there is no section {path[0]}; see `bodhisattva config`")
            continue
        if path[0] == "peers":  # services' names have dashes, variables' names cannot
            path[1:2] = [part.replace("_", "-") for part in path[1:2]]
        parsed: Any = _listed(value) if path[0] in _LISTS else value
        for key in reversed(path[1:]):
            parsed = {key: parsed}
        settings = merge(settings, {path[0]: parsed})
    return settings


def _listed(value: str) -> list[str]:
    """The items between commas; nothing is an empty list."""
    return value.split(",") if value else []


def _broken(value: Any) -> Iterator[str]:
    """Where a text stands that can be neither a file's name nor a secret."""
    match value:
        case str() if not _is_text(value):
            yield ""
        case dict():
            for key, each in value.items():
                yield from (f"{key}.{below}".rstrip(".") for below in _broken(each))
        case list() | tuple():
            for each in value:
                yield from _broken(each)


def _is_text(value: str) -> bool:
    """Whether it can be written as UTF-8, and has no NUL, at which the system's names end."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in value


def _explain(message: str) -> str:
    reason, _, path = message.partition(" - at `$")
    where = path.strip("`.")
    return f"{where}: {reason}" if where else reason
