"""`bodhisattva import-…` and `export-…`, by the command line against a running service."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from bodhisattva.servers.crackerjack.service import SERVICE as CRACKERJACK
from bodhisattva.servers.excalidraw.service import SERVICE as EXCALIDRAW
from bodhisattva.servers.tests.drawing import KILN, kiln
from bodhisattva.servers.tests.running import SECURED, limits, running, token

REPORTS = Path(__file__).parent / "reports"


COMMAND = ("-m", "bodhisattva.servers.cli")
# Without bytecode: the interpreter would leave the first 1024 bytes of it for whoever comes next.
ON_A_FULL_DISK = (
    *("-B", "-c"),
    "import resource, runpy; resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024)); "
    "runpy.run_module('bodhisattva.servers.cli', run_name='__main__')",
)


async def bodhisattva(
    *arguments: object, url: str, typed: bytes = b"", pass_: str = "", command: tuple[str, ...] = COMMAND
) -> tuple[int, str, str]:
    """Exit code, stdout and stderr. typed: what stands on standard input."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *(*command, *map(str, arguments)),
        env={"BODHISATTVA_URL": url, "BODHISATTVA_TOKEN": pass_, "PATH": ""},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await process.communicate(typed)
    assert process.returncode is not None
    return process.returncode, said.decode(), complained.decode()


async def test_reports_are_imported_and_gates_decide_the_exit_code() -> None:
    async with running(CRACKERJACK, **SECURED) as server:
        where: dict[str, Any] = {"url": server.server.url, "pass_": token("crackerjack:write")}
        junit = ("import-junit", REPORTS / "pytest.xml", "--project", "kiln", "--run-id", "r")
        code, said, _ = await bodhisattva(*junit, "--gate", "test_pass_rate=60", **where)
        assert (code, said.splitlines()) == (
            0,
            ["run r: 3 passed, 2 failed, 1 skipped", "gate test_pass_rate passed: 60.00 % of at least 60.00 %"],
        )
        coverage = ("import-coverage", "-", "--project", "kiln", "--gate", "line_coverage=90")
        code, said, _ = await bodhisattva(*coverage, typed=(REPORTS / "coverage-lines.xml").read_bytes(), **where)
        assert (code, said.splitlines()) == (
            1,
            ["lines 87.50 %, branches not measured", "gate line_coverage failed: 87.50 % of at least 90.00 %"],
        )


async def test_a_report_in_another_encoding_is_read(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    text = '<?xml version="1.0" encoding="ISO-8859-1"?><testsuite name="Brennöfen"><testcase name="größe"/></testsuite>'
    report.write_bytes(text.encode("iso-8859-1"))
    async with running(CRACKERJACK) as server:
        code, _, complained = await bodhisattva(
            "import-junit", report, "--project", "kiln", "--run-id", "r", url=server.server.url
        )
        assert code == 0, complained
        client = await server.connect()
        assert (await client.ask("get_test_status", run_id="r"))["data"]["test_suite"] == "Brennöfen"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["import-junit", "none.xml", "--project", "kiln"], "none.xml: No such file or directory"),
        (
            ["import-junit", "-", "--project", "kiln"],
            "the service refuses it: This is not well-formed XML. (field content)",
        ),
        (["import-coverage", "-", "--project", "kiln", "--gate", "line"], "--gate line: give it as NAME=PERCENT"),
        (["import-junit", "-", "--project", "kiln", "--ca", "none.pem"], "--ca none.pem: No such file or directory"),
        (["import-diagram", "-"], "this is no JSON, as an .excalidraw file is"),
    ],
)
async def test_bad_input_is_one_line_and_exit_code_2(arguments: list[str], complaint: str) -> None:
    async with running(CRACKERJACK) as server:
        code, said, complained = await bodhisattva(*arguments, url=server.server.url, typed=b"no xml")
    assert (code, said) == (2, "")
    assert complaint in complained
    assert complained.count("\n") == 1


DEEP = json.dumps({"type": "excalidraw", "elements": []})[:-1].encode() + b', "x": ' + b"[" * 99 + b"]" * 99 + b"}"
HALF = json.dumps({"type": "excalidraw", "elements": [], "name": "\ud83d"}).encode()


@pytest.mark.parametrize(
    ("arguments", "typed", "complaint"),
    [
        (["import-diagram", "-"], b"[" * 100_000, "-: this is no JSON, as an .excalidraw file is"),
        (["import-diagram", "-"], b'{"x": NaN}', "-: this is no JSON, as an .excalidraw file is"),
        (["import-diagram", "-"], b'{"x": -1e999}', "-: this is no JSON, as an .excalidraw file is"),
        (["import-diagram", "-"], DEEP, "the service refuses it: The message is nested too deeply."),
        (["import-diagram", "-"], HALF, "the file holds half of a surrogate pair, which is no character; take it out"),
        (
            ["import-junit", "-", "--project", "kiln"],
            b'<?xml version="1.0" encoding="undefined"?><testsuite/>',
            "-: this is no text in undefined",
        ),
    ],
    ids=[
        "nested beyond reading",
        "not a number",
        "too large a number",
        "nested too deeply",
        "half a character",
        "no encoding",
    ],
)
async def test_a_file_that_cannot_be_sent_is_said_in_one_line(
    arguments: list[str], typed: bytes, complaint: str
) -> None:
    async with running(EXCALIDRAW) as server:
        code, said, complained = await bodhisattva(*arguments, url=server.server.url, typed=typed)
    assert (code, said, complained) == (2, "", f"bodhisattva: {complaint}\n")


async def test_a_file_that_is_too_large_a_bad_token_and_nobody_there_are_said_in_one_line() -> None:
    diagram = ("import-diagram", KILN)
    async with running(EXCALIDRAW, limits=limits(message_bytes=2048), **SECURED) as server:
        url = server.server.url
        code, _, complained = await bodhisattva(*diagram, url=url, pass_=token("excalidraw:write"))
        assert (code, complained) == (
            2,
            "bodhisattva: the file is larger than the service takes; raise its limits.message_bytes\n",
        )
        code, _, complained = await bodhisattva(*diagram, url=url, pass_="nonsense")
        assert code == 2
        assert complained == f"bodhisattva: {url}: AUTH_FAILED: The token is not valid.\n"
    code, _, complained = await bodhisattva(*diagram, url="http://example")
    assert (code, complained.count("\n")) == (2, 1)


async def test_a_drawing_goes_in_and_out(tmp_path: Path) -> None:
    out = tmp_path / "out.excalidraw"
    async with running(EXCALIDRAW) as server:
        url = server.server.url
        code, said, complained = await bodhisattva("import-diagram", KILN, "--diagram-id", "kiln", url=url)
        assert (code, said) == (0, "diagram kiln: version 1, 6 elements taken\n"), complained
        assert (await bodhisattva("export-diagram", "kiln", "-o", out, url=url))[0] == 0
        code, said, _ = await bodhisattva("export-diagram", "kiln", url=url)
        assert json.loads(said) == json.loads(out.read_text(encoding="utf-8"))
        client = await server.connect()
        assert (await client.ask("get_diagram_status", diagram_id="kiln"))["data"]["name"] == "kiln"
    expected = kiln()
    expected["elements"] = [each for each in expected["elements"] if not each["isDeleted"]]
    assert json.loads(said) == expected


async def test_an_earlier_drawing_is_kept_where_the_disk_is_full(tmp_path: Path) -> None:
    out, link = tmp_path / "out.excalidraw", tmp_path / "link.excalidraw"
    out.write_text("the earlier one")
    out.chmod(0o640)
    link.symlink_to(out)
    async with running(EXCALIDRAW) as server:
        url = server.server.url
        assert (await bodhisattva("import-diagram", KILN, "--diagram-id", "kiln", url=url))[0] == 0
        ended = await bodhisattva("export-diagram", "kiln", "-o", link, url=url, command=ON_A_FULL_DISK)
        assert ended == (2, "", f"bodhisattva: {link}: File too large\n")
        assert out.read_text() == "the earlier one"
        assert (await bodhisattva("export-diagram", "kiln", "-o", link, url=url))[0] == 0
    assert json.loads(out.read_text(encoding="utf-8"))["type"] == "excalidraw"
    assert out.stat().st_mode & 0o777 == 0o640
    assert names(tmp_path) == [link.name, out.name], "something was left beside it"


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())
