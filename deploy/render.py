"""Write the list of services into the files of this folder: python deploy/render.py [NAME...]

The services are those that `bodhisattva serve` can serve, or the ones named. What a file holds for the first of them is
the pattern for the others:

    # each service as akosha 8692:
    akosha: {url: "ws://akosha:8692/ws"}
    # the others, by deploy/render.py:
    crackerjack: {url: "ws://crackerjack:8686/ws"}
    # end of services

To change what each service has, edit the pattern and run this. Of the folders below kubernetes/services, too, the first
is the pattern.
"""

import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from bodhisattva.servers.core.errors import Refused
from bodhisattva.servers.fleet import ALL, chosen
from bodhisattva.servers.registry import services

FOLDER = Path(__file__).resolve().parent
FILES = (
    "compose/compose.yaml",
    "compose/compose.redis.yaml",
    "compose/fleet.yaml",
    "kubernetes/base/fleet.yaml",
    "kubernetes/base/kustomization.yaml",
    "nginx/bodhisattva.conf",
    "prometheus/prometheus.yml",
    "systemd/bodhisattva.target",
    "systemd/fleet.yaml",
)
EACH = "kubernetes/services"
LIST = re.compile(
    r"^(?P<indent> *)# each service as (?P<name>\S+) (?P<port>\d+):\n(?P<pattern>.*?)"
    r"^ *# the others, by deploy/render\.py:\n.*?^ *# end of services\n",
    re.MULTILINE | re.DOTALL,
)


def rendered(folder: Path, ports: Mapping[str, int]) -> dict[str, str]:
    """The text of every file of `folder` that lists services, by its path there, for services and their ports."""
    texts = {name: _with_list((folder / name).read_text(encoding="utf-8"), ports) for name in FILES}
    example = min(path for path in (folder / EACH).iterdir() if path.is_dir())
    (its_port,) = re.findall(r"\bport: (\d+)", (example / "service.yaml").read_text(encoding="utf-8"))
    for file in sorted(example.iterdir()):
        pattern = file.read_text(encoding="utf-8")
        for name, port in ports.items():
            texts[f"{EACH}/{name}/{file.name}"] = _made_for(name, port, pattern, example.name, its_port)
    return texts


def write(folder: Path, ports: Mapping[str, int]) -> None:
    """Bring the files of `folder` up to date."""
    texts = rendered(folder, ports)
    shutil.rmtree(folder / EACH)
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def _with_list(text: str, ports: Mapping[str, int]) -> str:
    def listed(found: re.Match[str]) -> str:
        indent, name, port, pattern = found.group("indent", "name", "port", "pattern")
        first, *others = [_made_for(other, its, pattern, name, port) for other, its in ports.items()]
        head = next(iter(ports.items()))
        return (
            f"{indent}# each service as {head[0]} {head[1]}:\n{first}"
            f"{indent}# the others, by deploy/render.py:\n{''.join(others)}"
            f"{indent}# end of services\n"
        )

    return LIST.sub(listed, text)


def _made_for(name: str, port: int, pattern: str, its_name: str, its_port: str) -> str:
    """The pattern, which holds one service's name and port, with another's."""
    text = pattern.replace(f"{_variable(its_name)}_PORT", f"{_variable(name)}_PORT")
    text = re.sub(rf"(?<![\w-]){re.escape(its_name)}(?![\w-])", name, text)
    return re.sub(rf"(?<!\d){its_port}(?!\d)", str(port), text)


def _variable(name: str) -> str:
    """As names of environment variables begin."""
    return name.upper().replace("-", "_")


def main(*names: str) -> None:
    write(FOLDER, {name: services()[name].port for name in chosen(names or [ALL])})


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Refused as refused:
        sys.stderr.write(f"render: {refused}\n")
        sys.exit(2)
