"""One schema, each default of the protocol, and one line for whatever is wrong (protocol 4, 7)."""

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from bodhisattva.servers import fleet
from bodhisattva.servers.core import config as configuration
from bodhisattva.servers.core.auth.verification import verifier
from bodhisattva.servers.core.config import Config, ConfigError, load
from bodhisattva.servers.registry import services
from bodhisattva.servers.tests.running import SECRET


def written(folder: Path, document: Any) -> Path:
    file = folder / "settings.yaml"
    file.write_text(document if isinstance(document, str) else yaml.safe_dump(document))
    return file


def test_the_defaults_are_those_of_the_protocol() -> None:
    config = load("akosha", None, {})
    assert (config.host, config.port, config.auth, config.log.kind) == ("127.0.0.1", None, "required", "sqlite")
    limits, timeouts, tokens = config.limits, config.timeouts, config.tokens
    assert (limits.connections, limits.messages_per_second, limits.burst, limits.rate_patience) == (1000, 100, 150, 10)
    assert (limits.channels, limits.message_bytes, limits.nesting) == (1000, 2**20, 64)
    assert (timeouts.auth, timeouts.ping_interval, timeouts.ping_timeout) == (5, 20, 20)
    assert (timeouts.drain, timeouts.deduplication) == (10, 600)
    assert (tokens.max_lifetime, tokens.leeway, tokens.expiry_warning) == (3600, 5, 60)


def test_s8_each_service_has_its_port() -> None:
    assert {name: service.port for name, service in services().items()} == {
        "mahavishnu": 8690,
        "session-buddy": 8765,
        "crackerjack": 8686,
        "akosha": 8692,
        "dhruva": 8693,
        "excalidraw": 3042,
        "fastblocks": 8684,
    }


def test_the_service_s_part_wins_over_the_file_and_the_environment_over_both(tmp_path: Path) -> None:
    own = {"limits": {"channels": 2, "nesting": 20}, "port": 2}
    file = written(tmp_path, {"port": 1, "limits": {"channels": 1, "connections": 10}, "services": {"akosha": own}})
    file.write_text(file.read_text() + "trusted_proxies: [10.0.0.0/8]\n")
    environment = {
        "BODHISATTVA_LIMITS__NESTING": "30",
        "BODHISATTVA_ORIGINS": "https://a.example,https://b.example",
        "BODHISATTVA_TRUSTED_PROXIES": "",
    }
    akosha, dhruva = (load(name, file, environment) for name in ("akosha", "dhruva"))
    assert (akosha.port, akosha.limits.channels, akosha.limits.connections, akosha.limits.nesting) == (2, 2, 10, 30)
    assert (dhruva.port, dhruva.limits.channels, dhruva.limits.nesting) == (1, 1, 30)
    assert akosha.origins == ("https://a.example", "https://b.example")
    assert akosha.trusted_proxies == (), "nothing is an empty list"
    assert load("akosha", file, environment, {"port": 3}).port == 3


def test_a_peer_s_name_has_dashes_where_the_variable_s_has_none() -> None:
    config = load("akosha", None, {"BODHISATTVA_PEERS__SESSION_BUDDY__URL": "ws://elsewhere/ws"})
    assert config.peers["session-buddy"].url == "ws://elsewhere/ws"


def test_other_programs_variables_are_none_of_ours() -> None:
    assert load("akosha", None, {"BODHISATTVA_CONFIG": "x", "BODHISATTVA_HOME": "y", "PORT": "z"}) == Config()


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"prot": 5}, "Object contains unknown field `prot`"),
        ({"limits": {"chanels": 5}}, "limits: Object contains unknown field `chanels`"),
        ({"services": {"akosha": {"limits": {"chanels": 5}}}}, "limits: Object contains unknown field `chanels`"),
        ({"port": "http"}, "port: Expected `int | null`, got `str`"),
        ({"port": 65536}, "port: Expected `int` <= 65535"),
        ({"limits": 5}, "limits: Expected `object`, got `int`"),
        ({"limits": {"channels": 0}}, "limits.channels: Expected `int` >= 1"),
        ({"limits": {"burst_factor": 0.5}}, "limits.burst_factor: Expected `float` >= 1.0"),
        ({"timeouts": {"auth": 0}}, "timeouts.auth: Expected `float` > 0.0"),
        ({"auth": "perhaps"}, "auth: Invalid enum value 'perhaps'"),
        ({"log": {"kind": "paper"}}, "log.kind: Invalid enum value 'paper'"),
        ({"peers": {"dhruva": {}}}, "Object missing required field `url`"),
        ({"peers": {"dhruva": {"url": "dhruva:8693"}}}, "peers[...].url: Expected `str` matching regex"),
        ({"peers": {"dhruva": {"url": "WSS://dhruva/ws"}}}, "peers[...].url: Expected `str` matching regex"),
        ({"host": ""}, "host: Expected `str` of length >= 1"),
        ({"services": [1]}, "`services` must map service names to settings"),
        ([1], "the top level must be a mapping of settings"),
        ("a: b: c", "is not YAML"),
        ("a: \x00", "is not YAML"),
        ('tokens: {jwks_file: "a\\0b"}', "tokens.jwks_file: there is a NUL or half a character in it"),
        ('tls: {key: "a\\0b"}', "tls.key: there is a NUL"),
        ('tls: {client_permissions: {ada: ["a\\0b"]}}', "tls.client_permissions.ada: there is a NUL"),
        ('peers: {dhruva: {url: "ws://dhruva", token_file: "a\\0b"}}', "peers.dhruva.token_file: there is a NUL"),
        ('log: {kind: "\\ud800"}', "there is a NUL or half a character in it"),
    ],
)
def test_s7_what_is_wrong_in_a_file_is_one_line_that_names_it(tmp_path: Path, document: Any, expected: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load("akosha", written(tmp_path, document), {})
    line = str(refused.value)
    assert expected in line
    assert line.startswith(str(tmp_path))
    assert "\n" not in line


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("PORT", "http", "port: Expected `int | null`, got `str`"),
        ("LIMITS__CHANNELS", "many", "limits.channels: Expected `int`, got `str`"),
        ("LIMIT__CHANNELS", "5", "BODHISATTVA_LIMIT__CHANNELS: there is no section limit"),
        ("LIMITS__CHANELS", "5", "limits: Object contains unknown field `chanels`"),
        ("TLS__VERIFY_CLIENT", "perhaps", "tls.verify_client: Expected `bool`, got `str`"),
    ],
)
def test_s7_what_is_wrong_in_the_environment_is_one_line_that_names_it(name: str, value: str, expected: str) -> None:
    with pytest.raises(ConfigError, match=expected.replace("|", r"\|")):
        load("akosha", None, {f"BODHISATTVA_{name}": value})


def test_s7_half_a_character_in_the_environment_is_refused() -> None:
    """The system hands on bytes that are no UTF-8 as such halves."""
    with pytest.raises(ConfigError, match=r"tokens\.secret: there is a NUL or half a character in it"):
        load("akosha", None, {"BODHISATTVA_TOKENS__SECRET": "\udcff" * 40})


def test_s7_settings_for_no_service_are_refused(tmp_path: Path) -> None:
    file = written(tmp_path, {"auth": "disabled", "services": {"akasha": {}}})
    with pytest.raises(ConfigError, match="settings for akasha, which is no service"):
        fleet.build(["akosha"], file, {})


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "tokens.secret is not set"),
        ({"tokens": {"secret": "short"}}, "tokens.secret is shorter than 32 bytes"),
        ({"tokens": {"secret": "change-me-change-me-change-me-change-me"}}, "a published or trivial one"),
        ({"tokens": {"secret_file": "/nowhere/secret"}}, "tokens.secret_file /nowhere/secret: No such file"),
        ({"auth": "disabled", "host": "0.0.0.0"}, "auth: disabled is for loopback only"),  # noqa: S104
    ],
)
def test_s7_unsafe_authentication_is_refused(settings: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        verifier(load("akosha", None, {}, settings))


def test_a_secret_file_holds_the_secret(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    config = load("akosha", None, {"BODHISATTVA_TOKENS__SECRET_FILE": str(file)})
    assert configuration.secret(config) == SECRET
    assert verifier(config) is not None


def test_services_of_one_process_are_each_other_s_peers() -> None:
    akosha, dhruva = fleet.build(["akosha", "dhruva"], None, {"auth": "disabled"})
    assert {name: peer.url for name, peer in akosha.config.peers.items()} == {"dhruva": "ws://127.0.0.1:8693/ws"}
    assert {name: peer.url for name, peer in dhruva.config.peers.items()} == {"akosha": "ws://127.0.0.1:8692/ws"}


def test_a_log_s_password_is_shown_nowhere() -> None:
    config = load("akosha", None, {"BODHISATTVA_LOG__URL": "rediss://ada:hunter2@redis.internal:6380/1"})
    shown = configuration.as_yaml(config)
    assert "rediss://(hidden)@redis.internal:6380/1" in shown
    assert "hunter2" not in shown


def test_s7_a_log_in_redis_needs_a_url() -> None:
    with pytest.raises(ConfigError, match=r"log\.url is not set"):
        fleet.build(["akosha"], None, {"auth": "disabled", "log": {"kind": "redis"}})


def test_s7_a_log_in_redis_needs_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    for name in ("redis", "redis_connection", "redis_copy", "redis_formats", "redis_retention"):
        monkeypatch.delitem(sys.modules, f"bodhisattva.servers.core.log.{name}", raising=False)
    with pytest.raises(ConfigError, match=r"install 'bodhisattva-conformance\[redis\]'"):
        fleet.build(["akosha"], None, {"auth": "disabled", "log": {"kind": "redis", "url": "redis://localhost"}})
