"""A disk whose flushes take longer, as most do, for a process and what it starts: strace(1) delays their returns.

strace stops at nothing else (`--seccomp-bpf`), is no parent of what it watches (`-D`), and its own time is not counted
with the process's.
"""

import shutil
import subprocess
from collections.abc import Sequence

_FLUSHES = "fsync,fdatasync"
_STRACE = ("strace", "-D", "-f", "--seccomp-bpf", "-qqq", "-o", "/dev/null", "-e", f"trace={_FLUSHES}")


def slowed(command: Sequence[str], delay: float) -> list[str]:
    """The command, each of whose flushes takes `delay` seconds more."""
    return [*_STRACE, "-e", f"inject={_FLUSHES}:delay_exit={round(delay * 1e6)}", *command]


def missing() -> str:
    """Why this machine cannot delay flushes; "" if it can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    tried = subprocess.run(slowed(["true"], 0.001), check=False, capture_output=True, text=True)  # noqa: S603 - our own
    return "" if tried.returncode == 0 else f"strace may not watch processes here ({tried.stderr.strip()[:100]})"
