"""The console command as somebody at a terminal meets it."""

from pathlib import Path

import jwt
import pytest
from click.testing import CliRunner, Result

from bodhisattva.servers.cli import main

SECRET = "0123456789abcdef-0123456789abcdef-x"


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("BODHISATTVA_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner(env=environment).invoke(main, list(arguments))


def refused(result: Result) -> str:
    """The one line of a refusal."""
    assert result.exit_code == 2
    (line,) = result.output.splitlines()
    assert line.startswith("bodhisattva: ")
    return line


@pytest.mark.parametrize("command", ["serve", "token", "config"])
def test_help_says_in_a_few_words_what_each_command_does(command: str) -> None:
    lines = run("--help").output.splitlines()
    (line,) = (line for line in lines if line.startswith(f"  {command} "))
    assert line.endswith(".")
    assert not line.endswith("...")
    assert run(command, "-h").exit_code == 0


def test_token_holds_what_was_asked_for() -> None:
    result = run(
        "token",
        "alice",
        "-p",
        "akosha:read",
        "-p",
        "dhruva:write",
        "--lifetime",
        "60",
        BODHISATTVA_TOKENS__SECRET=SECRET,
    )
    claims = jwt.decode(result.output.strip(), SECRET, algorithms=["HS256"])
    assert claims["user_id"] == "alice"
    assert claims["permissions"] == ["akosha:read", "dhruva:write"]
    assert claims["exp"] - claims["iat"] == 60


def test_token_that_every_service_would_refuse_is_not_minted() -> None:
    line = refused(run("token", "alice", "--lifetime", "3601", BODHISATTVA_TOKENS__SECRET=SECRET))
    assert "--lifetime 3601 is over tokens.max_lifetime 3600" in line
    assert run("token", "alice", "--lifetime", "0", BODHISATTVA_TOKENS__SECRET=SECRET).exit_code == 2


def test_token_needs_a_secret_and_repeats_none() -> None:
    assert "tokens.secret is not set" in refused(run("token", "alice"))
    assert "tooshort" not in refused(run("token", "alice", BODHISATTVA_TOKENS__SECRET="tooshort"))


def test_config_shows_defaults_and_hides_the_secret() -> None:
    result = run("config", "akosha", BODHISATTVA_TOKENS__SECRET=SECRET, BODHISATTVA_LIMITS__CONNECTIONS="7")
    assert result.exit_code == 0
    assert SECRET not in result.output
    assert "connections: 7" in result.output
    assert "drain: 10" in result.output


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("limits: {conections: 3}", "limits: Object contains unknown field `conections`"),
        ("limits: {connections: many}", "limits.connections: Expected `int`"),
        ("limits: [", "is not YAML"),
        ("- limits", "must be a mapping"),
    ],
)
def test_bad_file_is_one_line_that_names_file_and_key(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "fleet.yaml"
    file.write_text(text, encoding="utf-8")
    line = refused(run("config", "--config", str(file)))
    assert problem in line
    assert str(file) in line


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("serve", "akosa"), "there is no service akosa; choose from: akosha"),
        (("serve", "akosha"), "tokens.secret is not set"),
        (("serve", "akosha", "--auth", "disabled", "--host", "192.0.2.1"), "for loopback only"),
        (("serve", "akosha", "--auth", "disabled", "--port", "70000"), "settings: port: Expected `int` <= 65535"),
        (("serve", "akosha", "dhruva", "--auth", "disabled", "--port", "1"), "--port is for a single service"),
        (("config", "akosa"), "there is no service akosa"),
    ],
)
def test_bad_request_is_one_line(arguments: tuple[str, ...], problem: str) -> None:
    assert problem in refused(run(*arguments))
