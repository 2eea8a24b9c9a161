"""Where and with what it was measured."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

_PACKAGES = ("bodhisattva-conformance", "aiohttp", "msgspec", "uvloop", "websockets", "mcp-common")


class Machine(msgspec.Struct, frozen=True):
    """memory: bytes. load_average: of the last minute, when the run began. flush: seconds that an fsync took."""

    processor: str
    cores: int
    memory: int
    system: str
    load_average: float
    flush: float


def machine(flush: float) -> Machine:
    return Machine(
        _processor(),
        os.cpu_count() or 1,
        os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        f"{platform.system()} {platform.release()}",
        load_average(),
        flush,
    )


def load_average() -> float:
    return round(os.getloadavg()[0], 2)


def versions() -> dict[str, str]:
    """Of Python and of every package measured that is there."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
