"""The console command as its user meets it: one line and exit code 2 for what is wrong, an orderly end (protocol 7)."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click import Context
from click.testing import CliRunner

from bodhisattva.servers.cli import main
from bodhisattva.servers.tests.running import SECRET

MODULE = ("-m", "bodhisattva.servers.cli")
# The command, with something that happens when a module is about to be imported.
AT_IMPORT = """
import os, signal, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            {action}
sys.meta_path.insert(0, Finder())
from bodhisattva.servers.cli import main
main()
"""
# The command, at a log whose replay is so long that a signal comes in the midst of it.
LONG_REPLAY = """
import asyncio, os, signal
from bodhisattva.servers.core.engine import projection
async def replay(*_arguments, **_options):
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.Event().wait()
projection.replay = replay
from bodhisattva.servers.cli import main
main()
"""
# The command, stopped as soon as it serves, and then perhaps something more while its store does not answer.
SILENT_STORE = """
import asyncio, os, signal
from bodhisattva.servers.core.engine.engine import Engine
from bodhisattva.servers.core.server import Server
opened = Server.open
async def open_and_stop(server):
    await opened(server)
    os.kill(os.getpid(), signal.SIGTERM)
async def wait_in_vain(_engine):
    {more}
    await asyncio.Event().wait()
Server.open, Engine.stop = open_and_stop, wait_in_vain
from bodhisattva.servers.cli import main
main()
"""


def bodhisattva(
    *arguments: str, folder: Path, settings: dict[str, str], program: tuple[str, ...] = MODULE
) -> tuple[int, str]:
    """Exit code and what was written on stderr. settings: environment variables without their prefix."""
    done = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, *program, *arguments],
        cwd=folder,
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    return done.returncode, done.stderr


def environment(settings: dict[str, str]) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("BODHISATTVA_")}
    return inherited | {f"BODHISATTVA_{name.upper()}": value for name, value in settings.items()}


OPEN = {"auth": "disabled"}
BAD: list[tuple[str, list[str], dict[str, str], str]] = [
    ("unknown service", ["serve", "nothing"], OPEN, "there is no service nothing; choose from: akosha"),
    ("no secret", ["serve", "akosha"], {}, "tokens.secret is not set"),
    ("no such file", ["serve", "akosha", "--config", "none.yaml"], OPEN, "none.yaml: No such file or directory"),
    (
        "unknown key",
        ["serve", "akosha"],
        OPEN | {"limits__nonsense": "5"},
        "settings: limits: Object contains unknown",
    ),
    ("half TLS", ["serve", "akosha"], OPEN | {"tls__certificate": "c.pem"}, "tls.key is missing"),
    ("one port for two", ["serve", "akosha", "dhruva", "--port", "0"], OPEN, "--port is for a single service"),
]


@pytest.mark.parametrize(("arguments", "settings", "line"), [each[1:] for each in BAD], ids=[each[0] for each in BAD])
def test_s7_bad_input_is_one_line_and_exit_code_2(
    tmp_path: Path, arguments: list[str], settings: dict[str, str], line: str
) -> None:
    code, output = bodhisattva(*arguments, folder=tmp_path, settings=settings)
    assert (code, output.count("\n")) == (2, 1), output
    assert output.startswith(f"bodhisattva: {line}")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["serve"], "Missing argument 'SERVICE...'. See `bodhisattva serve --help`."),
        (["serve", "akosha", "--port", "x"], "Invalid value for '--port': 'x' is not a valid integer."),
        (["server", "akosha"], "No such command 'server'."),
        (["--verbose"], "No such option '--verbose'."),
        (["log", "verify"], "Missing argument 'LOG'. See `bodhisattva log verify --help`."),
        (["token", "ada", "--lifetime", "0"], "Invalid value for '--lifetime': 0.0 is not in the range x>=1."),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(arguments: list[str], line: str) -> None:
    ended = CliRunner().invoke(main, arguments, prog_name="bodhisattva")
    assert (ended.exit_code, ended.stderr.count("\n"), ended.stdout) == (2, 1, ""), ended.stderr
    assert ended.stderr.startswith(f"bodhisattva: {line}")
    assert ended.stderr.endswith(" --help`.\n")


@pytest.mark.parametrize("arguments", [[], ["log"], ["token"]])
def test_a_group_without_a_command_prints_its_help(arguments: list[str]) -> None:
    assert "Commands:" in CliRunner().invoke(main, arguments).output


def test_s7_a_busy_port_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, output = bodhisattva("serve", "akosha", "--port", str(port), folder=tmp_path, settings=OPEN)
    in_use = f"bodhisattva: port {port} on 127.0.0.1 is in use; stop what uses it or set another port\n"
    assert (code, output) == (2, in_use)


def test_s7_a_busy_port_of_one_of_several_is_one_line_too(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (tmp_path / "two.yaml").write_text(f"services: {{akosha: {{port: 0}}, dhruva: {{port: {port}}}}}")
        code, output = bodhisattva("serve", "akosha", "dhruva", "-c", "two.yaml", folder=tmp_path, settings=OPEN)
    in_use = f"bodhisattva: port {port} on 127.0.0.1 is in use; stop what uses it or set another port\n"
    assert (code, output) == (2, in_use)


class Served:
    """`bodhisattva serve akosha` on a free port, ready when entered, killed at the latest when left."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> "subprocess.Popen[str]":
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter
            [sys.executable, *MODULE, "serve", "akosha", "--port", "0"],
            cwd=self._folder,
            env=environment(OPEN),
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stderr is not None
        assert "listening" in self._process.stderr.readline()
        return self._process

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


def test_s7_a_state_folder_in_use_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    with Served(tmp_path):
        code, output = bodhisattva("serve", "akosha", "--port", "0", folder=tmp_path, settings=OPEN)
    in_use = "bodhisattva: state/akosha.sqlite3 is in use by another process; stop it or choose another state folder\n"
    assert (code, output) == (2, in_use)


def test_s7_sigterm_exits_with_0_and_a_second_one_stops_at_once(tmp_path: Path) -> None:
    with Served(tmp_path) as process:
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert process.stderr is not None
        assert '"stopped"' in process.stderr.read()


@pytest.mark.parametrize("module", ["bodhisattva.servers.fleet", "bodhisattva.servers.core.run"])
def test_s7_a_sigterm_before_the_start_ends_in_order(tmp_path: Path, module: str) -> None:
    action = "os.kill(os.getpid(), signal.SIGHUP); os.kill(os.getpid(), signal.SIGTERM)"
    program = ("-c", AT_IMPORT.format(module=module, action=action))
    code, output = bodhisattva("serve", "akosha", "--port", "0", folder=tmp_path, program=program, settings=OPEN)
    assert (code, output) == (0, "bodhisattva: stopped before it had started\n")
    assert not list(tmp_path.iterdir()), "nothing was made yet"


def test_s7_a_sigterm_ends_a_start_that_takes_long(tmp_path: Path) -> None:
    program = ("-c", LONG_REPLAY)
    code, output = bodhisattva("serve", "akosha", "--port", "0", folder=tmp_path, program=program, settings=OPEN)
    assert (code, output.count("\n")) == (0, 1), output
    assert '"stopped before it had started"' in output
    assert not list((tmp_path / "state").glob("*-wal")), "the log was closed"


@pytest.mark.parametrize(("more", "drain"), [("os.kill(os.getpid(), signal.SIGTERM)", "60"), ("pass", "2")])
def test_s7_a_second_sigterm_or_the_drain_timeout_ends_the_wait_for_the_store(
    tmp_path: Path, more: str, drain: str
) -> None:
    settings = OPEN | {"timeouts__drain": drain}
    program = ("-c", SILENT_STORE.format(more=more))
    code, output = bodhisattva("serve", "akosha", "--port", "0", folder=tmp_path, program=program, settings=settings)
    assert code == 0, output
    assert '"stopped at once, without letting go of everything"' in output


def test_without_the_suite_s_packages_its_commands_name_the_extra(tmp_path: Path) -> None:
    action = "raise ModuleNotFoundError(name='hypothesis')"
    program = ("-c", AT_IMPORT.format(module="bodhisattva.suites.command", action=action))
    code, output = bodhisattva("check", "target.yaml", "--out", "here", folder=tmp_path, settings={}, program=program)
    assert (code, output) == (2, "bodhisattva: hypothesis is missing; install 'bodhisattva-conformance[suite]'\n")


def test_a_minted_token_is_the_configured_secret_s(tmp_path: Path) -> None:
    from bodhisattva.servers.core.auth.keys import KeyRing
    from bodhisattva.servers.core.auth.tokens import Verifier

    minted = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, *MODULE, "token", "ada", "-p", "akosha:read", "--lifetime", "60"],
        env=environment({"tokens__secret": SECRET}),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    identity = Verifier(KeyRing.of_secret(SECRET)).verify(minted.strip())
    assert (identity.user_id, list(identity.permissions)) == ("ada", ["akosha:read"])


def test_the_configuration_is_shown_without_its_secrets(tmp_path: Path) -> None:
    urls = {"tracing__endpoint": "http://user:hush@collector", "peers__akosha__url": "wss://user:hush@elsewhere/ws"}
    shown: Any = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, *MODULE, "config"],
        env=environment({"tokens__secret": SECRET, **urls}),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert SECRET not in shown
    assert "hush" not in shown
    assert "http://(hidden)@collector" in shown
    assert "wss://(hidden)@elsewhere/ws" in shown
    assert "secret: (hidden)" in shown
    assert "message_bytes: 1048576" in shown


def test_a_token_that_every_service_would_refuse_is_not_minted(tmp_path: Path) -> None:
    settings = {"tokens__secret": SECRET}
    code, output = bodhisattva("token", "ada", "--lifetime", "3601", folder=tmp_path, settings=settings)
    assert (code, output) == (2, "bodhisattva: --lifetime 3601 is over tokens.max_lifetime 3600\n")
    assert bodhisattva("token", "ada", "--lifetime", "0", folder=tmp_path, settings=settings)[0] == 2
    code, output = bodhisattva("token", "ada", "--lifetime", "nan", folder=tmp_path, settings=settings)
    assert (code, output) == (2, "bodhisattva: --lifetime nan is over tokens.max_lifetime 3600\n")
    assert bodhisattva("token", "ada", "--lifetime", "0.5", folder=tmp_path, settings=settings)[0] == 2
    for user in ("", "ada\nbob", "a" * 201):
        code, output = bodhisattva("token", "mint", user, folder=tmp_path, settings=settings)
        assert (code, output.count("\n")) == (2, 1), output
        assert output.endswith(" is no user; give a name of 1 to 200 printable characters\n")


@pytest.mark.parametrize("arguments", [("config",), ("token", "ada"), ("log", "export", "akosha")])
def test_a_full_disk_is_one_line_and_exit_code_2(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    with Served(tmp_path):
        pass  # there is a log from now on
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(  # noqa: S603 - this interpreter
            [sys.executable, *MODULE, *arguments],
            cwd=tmp_path,
            env=environment({"tokens__secret": SECRET}),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=50,
            check=False,
        )
    assert (ended.returncode, ended.stderr) == (2, "bodhisattva: No space left on device\n")


@pytest.mark.parametrize("command", main.list_commands(Context(main)))
def test_the_help_of_a_command_begins_with_a_whole_sentence(command: str) -> None:
    lines = CliRunner().invoke(main, ["--help"]).output.splitlines()
    (line,) = (line for line in lines if line.startswith(f"  {command} "))
    assert line.endswith(".")
    assert not line.endswith("...")
