"""What production installs: the wheel of ci/wheel, which the image is built from too."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from bodhisattva import servers

SERVERS = Path(next(iter(servers.__path__))).resolve()
CHECKOUT = SERVERS.parent
APART = {"tests", "__pycache__"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(  # noqa: S603 - the checkout's own script
        [CHECKOUT / "ci/wheel", folder], capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    (made,) = folder.glob("*.whl")
    return made


def test_the_wheel_holds_the_servers_and_nothing_that_judges_them(wheel: Path) -> None:
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    sources = (file.relative_to(SERVERS) for file in SERVERS.rglob("*") if file.is_file())
    assert held == {f"bodhisattva/servers/{file}" for file in sources if APART.isdisjoint(file.parts)}


@pytest.mark.parametrize("words", [("check", "target.yaml"), ("report", "out"), ("gate",)])
def test_commands_of_the_suite_are_refused_in_one_line_by_the_wheel(
    wheel: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    # Without site-packages' own finder of the checkout; what the servers need of others comes by the path.
    program = f"import sys; sys.path[:0] = [{str(tmp_path)!r}]; from bodhisattva.servers.cli import main; main()"
    others = os.pathsep.join(path for path in sys.path if path.endswith("site-packages"))
    run = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-S", "-c", program, *words],
        env={"PYTHONPATH": others},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2, run.stderr
    assert run.stderr.startswith("bodhisattva: bodhisattva.")
    assert "pip install '.[suite]'" in run.stderr
    assert run.stderr.count("\n") == 1


def test_the_image_is_built_from_that_wheel() -> None:
    script = (CHECKOUT / "ci/service-image").read_text()
    assert 'ci/wheel "$context/project"' in script
    assert "uv build" not in script
