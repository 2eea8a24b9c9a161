"""docs/writing-a-service.md, word for word: its service is made, served, judged and deployed."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from bodhisattva.fixtures.clock import eventually_sync
from bodhisattva.fixtures.http_client import fetch
from bodhisattva.fixtures.stack.ports import free_port
from bodhisattva.servers.registry import services
from bodhisattva.servers.tests.deployed import DEPLOY, ROOT, here, program
from bodhisattva.servers.tests.page import commands as shown

PAGE = (ROOT / "docs/writing-a-service.md").read_text(encoding="utf-8")
FILE = re.compile(r"This is\s+`([\w./-]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SERVICE, PORT = "inventory", "8700"
BOUND = 300  # seconds for a category of the suite, on a machine that is busy besides
PIP = f"{sys.executable} -m pip"


def commands(having: str) -> str:
    return shown("writing-a-service.md", having)


class Walk:
    """The page's folder, and its commands run on it, with this interpreter's environment in place of a new one."""

    def __init__(self, home: Path) -> None:
        self.folder = home / SERVICE
        self.site = home / "site"
        self.port = free_port()
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("BODHISATTVA_")},
            "HOME": str(home),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(self.site),
        }
        for name, text in FILE.findall(PAGE):
            file = self.folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text.replace(PORT, str(self.port)), encoding="utf-8")

    def start(self, text: str, folder: Path = ROOT) -> subprocess.Popen[str]:
        words = ["/bin/bash", "-euo", "pipefail", "-c", text]
        return subprocess.Popen(  # noqa: S603 - the page's own words
            words,
            cwd=folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, text: str, folder: Path = ROOT, code: int = 0) -> str:
        """What the commands print; they have to end with this code."""
        process = self.start(text, folder)
        try:
            printed, _ = process.communicate(timeout=BOUND)
        finally:
            end(process)
        assert process.returncode == code, printed
        return printed


def end(process: subprocess.Popen[str]) -> None:
    """With all that it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
    if process.stdout is not None:
        process.stdout.close()
    process.wait(20)


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Walk:
    """As far as the installation: into a folder of its own, by the build tools that are here."""
    made = Walk(tmp_path_factory.mktemp("home"))
    (install, *_) = commands("serve --list").splitlines()
    made.run(here(install, {"pip install": f"{PIP} install -q --no-deps --no-build-isolation --target {made.site}"}))
    return made


@pytest.fixture
def deploy(walk: Walk, tmp_path: Path) -> Path:
    """A copy of deploy/ after the page's command."""
    shutil.copytree(DEPLOY, tmp_path / "deploy")
    walk.run(commands("render.py"), tmp_path)
    return tmp_path / "deploy"


def test_it_is_served(walk: Walk) -> None:
    _, listing, serving = commands("serve --list").splitlines()
    assert walk.run(listing).split() == sorted([*services(), SERVICE])
    process = walk.start(f"exec {serving}", walk.folder)
    try:
        url = f"http://127.0.0.1:{walk.port}/ready"
        eventually_sync(lambda: answers(url) or process.poll() is not None, "the service is ready", 20)
        assert process.poll() is None
    finally:
        end(process)
    assert process.returncode == 0


def answers(url: str) -> bool:
    try:
        return fetch(url).status == 200
    except OSError:
        return False


@pytest.mark.timeout(BOUND)
def test_it_is_judged_on_the_process_stack(walk: Walk) -> None:
    judging, reporting = commands("python -m pytest").splitlines()
    out = walk.folder / "out"
    printed = walk.run(here(judging, {"out/inventory": out}))
    assert re.search(r"\b[1-9]\d passed", printed)
    assert "failed" not in printed
    printed = walk.run(here(reporting, {"out/inventory": out}), code=3)
    assert "PARTIAL: " in printed
    assert re.search(rf"  {SERVICE}  [1-9]\d passed", printed), printed


@pytest.mark.timeout(BOUND)
def test_it_is_judged_as_a_target(walk: Walk) -> None:
    changing, secret, serving, checking, ending = commands("target.yaml").splitlines()
    ready = f"until curl -sf http://127.0.0.1:{walk.port}/ready >/dev/null; do sleep 0.1; done"
    printed = walk.run("\n".join((changing, secret, serving, ready, f"{checking} || [ $? = 3 ]", ending)))
    assert re.search(rf"  {SERVICE}  [1-9]\d* passed, \d+ unknown", printed), printed
    assert "failed" not in printed


def test_without_its_sample_the_target_is_refused_in_one_line(walk: Walk) -> None:
    target = walk.folder / "bare.yaml"
    target.write_text((walk.folder / "target.yaml").read_text().replace("samples: samples\n", ""), encoding="utf-8")
    printed = walk.run("bodhisattva check bare.yaml", walk.folder, code=2)
    assert f"there is no sample of {SERVICE}, only of akosha, " in printed
    assert printed.strip().count("\n") == 0


def test_it_is_in_every_file_of_the_deployment(walk: Walk, deploy: Path) -> None:
    compose = yaml.safe_load((deploy / "compose/compose.yaml").read_text(encoding="utf-8"))
    assert set(compose["services"]) == {*services(), SERVICE} == set(compose["volumes"])
    assert compose["services"][SERVICE]["ports"] == [f"127.0.0.1:${{INVENTORY_PORT:-{walk.port}}}:{walk.port}"]
    url = f"//localhost:{walk.port}/ws"
    for name, line in {
        "compose/compose.redis.yaml": "  inventory: *service",
        "compose/fleet.yaml": f'  inventory: {{url: "ws://inventory:{walk.port}/ws"}}',
        "kubernetes/base/fleet.yaml": f'  inventory: {{url: "ws://inventory:{walk.port}/ws"}}',
        "kubernetes/base/kustomization.yaml": "  - ../services/inventory",
        "kubernetes/services/inventory/service.yaml": f"    - {{name: ws, port: {walk.port}, targetPort: ws}}",
        "systemd/bodhisattva.target": "Wants=bodhisattva@inventory.service",
        "systemd/fleet.yaml": f'  inventory: {{url: "wss:{url}", ca: /etc/bodhisattva/tls/ca.pem}}',
        "nginx/bodhisattva.conf": "    inventory.fleet.example inventory;",
        "prometheus/prometheus.yml": f'      - {{targets: ["10.0.0.11:{walk.port}"], labels: {{service: inventory}}}}',
    }.items():
        assert line in (deploy / name).read_text(encoding="utf-8").splitlines(), name


@pytest.mark.deploy
def test_kubernetes_and_prometheus_take_it(walk: Walk, deploy: Path) -> None:
    rendered = walk.run(f"{program('kustomize', 'kustomize')} build {deploy}/kubernetes/embedded")
    pods = {each["metadata"]["name"]: each for each in yaml.safe_load_all(rendered) if each["kind"] == "StatefulSet"}
    (container,) = pods[SERVICE]["spec"]["template"]["spec"]["containers"]
    assert (container["args"], container["ports"]) == ([SERVICE], [{"name": "ws", "containerPort": walk.port}])
    (deploy / "prometheus/bodhisattva-ca.pem").write_text("")
    walk.run(f"{program('promtool', 'prometheus')} check config --syntax-only {deploy}/prometheus/prometheus.yml")


@pytest.mark.deploy
@pytest.mark.timeout(BOUND)
def test_its_image_serves_it(walk: Walk) -> None:
    wheel, build = commands("docker build").splitlines()
    walk.run(here(wheel, {"pip wheel": f"{PIP} wheel -q --no-build-isolation"}))
    walk.run(build)
    try:
        assert SERVICE in walk.run(f"docker run --rm {SERVICE}:0.1.0 --list").split()
    finally:
        walk.run(f"docker image rm --force {SERVICE}:0.1.0")
