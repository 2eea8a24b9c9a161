"""The files of deploy/ list the services that there are; one script writes the lists, for other services too."""

import runpy
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from bodhisattva.servers.registry import services
from bodhisattva.servers.tests.deployed import DEPLOY

RENDER: dict[str, Any] = runpy.run_path(str(DEPLOY / "render.py"))
PORTS = {name: service.port for name, service in services().items()}


def texts(folder: Path) -> dict[str, str]:
    """Every file that lists services, by its path."""
    folders = (folder / RENDER["EACH"]).rglob("*.yaml")
    names = [*RENDER["FILES"], *(str(file.relative_to(folder)) for file in folders)]
    return {name: (folder / name).read_text(encoding="utf-8") for name in names}


def test_the_files_are_what_the_script_writes() -> None:
    assert RENDER["rendered"](DEPLOY, PORTS) == texts(DEPLOY)


def test_no_other_file_names_a_service_in_a_list() -> None:
    """Only the alerts' test and examples in comments name one."""
    naming = {
        str(file.relative_to(DEPLOY))
        for file in DEPLOY.rglob("*")
        if file.is_file()
        and file.suffix != ".pyc"
        and sum(name in file.read_text(encoding="utf-8") for name in services()) > 1
    }
    assert naming - set(texts(DEPLOY)) == {"prometheus/alerts.test.yml", "render.py"}


def test_other_services_are_written_in_their_place_and_back(tmp_path: Path) -> None:
    folder = tmp_path / "deploy"
    shutil.copytree(DEPLOY, folder)
    others = {"akosha-2": 18692, "lending": 8700}
    RENDER["write"](folder, others)
    for text in texts(folder).values():
        assert not any(f"{name}{end}" in text for name in services() for end in (":", ".", ";", "}"))
    compose = yaml.safe_load((folder / "compose/compose.yaml").read_text(encoding="utf-8"))
    assert {name: each["ports"] for name, each in compose["services"].items()} == {
        "akosha-2": ["127.0.0.1:${AKOSHA_2_PORT:-18692}:18692"],
        "lending": ["127.0.0.1:${LENDING_PORT:-8700}:8700"],
    }
    assert sorted(path.name for path in (folder / RENDER["EACH"]).iterdir()) == sorted(others)
    RENDER["write"](folder, PORTS)
    assert texts(folder) == texts(DEPLOY)


def test_a_service_that_is_not_there_is_refused_in_one_line() -> None:
    done = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, str(DEPLOY / "render.py"), "absent"], capture_output=True, text=True, timeout=50, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("render: there is no service absent; choose from: akosha, ")
    assert done.stderr.count("\n") == 1


def test_the_health_check_finds_the_ports_on_which_processes_listen() -> None:
    ports = runpy.run_path(str(DEPLOY / "docker/health.py"))["ports"]
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert port in ports()
    assert port not in ports()
