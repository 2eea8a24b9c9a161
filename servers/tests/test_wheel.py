"""What production installs: the wheel of ci/wheel, which the image is built from too."""

import subprocess
import zipfile
from pathlib import Path

import pytest

from bodhisattva import servers

SERVERS = Path(next(iter(servers.__path__))).resolve()
CHECKOUT = SERVERS.parent
APART = {"tests", "__pycache__"}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of all files in the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(  # noqa: S603 - the checkout's own script
        [CHECKOUT / "ci/wheel", folder], capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


def test_the_wheel_holds_the_servers_and_nothing_that_judges_them(files: set[str]) -> None:
    held = {name for name in files if ".dist-info/" not in name}
    sources = (file.relative_to(SERVERS) for file in SERVERS.rglob("*") if file.is_file())
    assert held == {f"bodhisattva/servers/{file}" for file in sources if APART.isdisjoint(file.parts)}


def test_the_image_is_built_from_that_wheel() -> None:
    script = (CHECKOUT / "ci/service-image").read_text()
    assert 'ci/wheel "$context/project"' in script
    assert "uv build" not in script
