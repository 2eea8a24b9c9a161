"""Which places of a mutant were reached, in whichever of its processes, kept as the names of files in a folder.

A file is made once, when a place is first reached. It outlives a process that is killed.
No process waits for another.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_INJECTED = ".injected"
_REACHED = ".reached"


@dataclass(frozen=True)
class Marks:
    """folder: where the files are; None keeps none."""

    folder: Path | None = None

    def injected(self, place: str) -> Callable[[], None]:
        """Note that broken code was put in a place, and give what notes that it is called there."""
        folder, done = self.folder, False
        if folder is None:
            return lambda: None
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{place}{_INJECTED}").touch()

        def reached() -> None:
            nonlocal done
            if not done:
                (folder / f"{place}{_REACHED}").touch()
                done = True

        return reached

    def not_reached(self) -> list[str]:
        """The places whose broken code no process called, by name."""
        return sorted(self._places(_INJECTED) - self._places(_REACHED))

    def any_injected(self) -> bool:
        """Whether any process put broken code in place."""
        return bool(self._places(_INJECTED))

    def _places(self, ending: str) -> set[str]:
        files = self.folder.glob(f"*{ending}") if self.folder else ()
        return {file.name.removesuffix(ending) for file in files}
