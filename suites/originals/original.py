"""What is to be judged: a service, what its authors published it as, and how it is started here."""

from dataclasses import dataclass
from pathlib import Path

ADAPTERS = Path(__file__).resolve().parent / "adapters"
SERVERS = ("WebSocketServer", "websockets.serve", "websockets.asyncio.server")


@dataclass(frozen=True)
class Original:
    """A published service.

    package, version: as the registry has them. environment: where it is installed, or was to be.
    """

    service: str
    package: str
    version: str
    environment: Path

    @property
    def interpreter(self) -> Path:
        return self.environment / "bin" / "python"

    @property
    def module(self) -> str:
        """The name of its adapter, which is the service's as Python takes it."""
        return self.service.replace("-", "_")

    def why_not(self) -> str:
        """Why it cannot be started here; empty if it can."""
        if not self.interpreter.exists():
            return f"{self.package} {self.version} could not be installed"
        if self.service in adapters():
            return ""
        if not self._has_server():
            return f"{self.package} {self.version} has no WebSocket server in any of its modules"
        return f"there is no adapter: write {ADAPTERS.name}/{self.module}.py"

    def _has_server(self) -> bool:
        """Whether a module of the package names a class or function that serves WebSockets."""
        modules = self.environment.glob(f"lib/*/site-packages/{self.package.replace('-', '_')}/**/*.py")
        return any(name in module.read_text(encoding="utf-8") for module in modules for name in SERVERS)


def adapters(folder: Path = ADAPTERS) -> tuple[str, ...]:
    """The services that have an adapter, by the files that are there."""
    return tuple(sorted(file.stem.replace("_", "-") for file in folder.glob("*.py") if file.stem != "__init__"))


def read(versions: Path, environments: Path) -> list[Original]:
    """The originals of a file that has a line for each: the service, then exact requirements, its own package first.

    ValueError with the line that is none of these.
    """
    found = []
    for line in versions.read_text(encoding="utf-8").splitlines():
        service, _, requirements = line.partition(" ")
        package, pinned, version = requirements.partition(" ")[0].partition("==")
        if not pinned:
            raise ValueError(
                f"{versions}: {line!r} has no service with an exact version; write SERVICE PACKAGE==VERSION"
            )
        found.append(Original(service, package, version, environments / service))
    return found
