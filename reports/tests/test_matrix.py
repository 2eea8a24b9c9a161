"""The matrix page: what its reader finds in it, and what it may not do."""

import re
from html.parser import HTMLParser
from pathlib import Path

from bodhisattva.reports import run
from bodhisattva.reports.matrix import matrix
from bodhisattva.reports.tests import runs


class Page(HTMLParser):
    """The marks, by clause and service, and every address that the page would load or lead to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.marks: dict[str, str] = {}
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if values.get("class", "").startswith("mark "):
            place, _, outcome = values["aria-label"].partition(": ")
            self.marks[place] = outcome
        self.addresses += [values[name] for name in ("src", "href", "action") if name in values]


def page(folder: Path, reason: str = "") -> str:
    results = runs.with_outcome("AUTH-001", "dhruva", "failed", reason)
    results = [line for line in results if line["clause"] != "AUTH-002" or line["service"] != "akosha"]
    return matrix(run.read(runs.write(folder, results, exit=1)))


def test_every_cell_has_its_mark(tmp_path: Path) -> None:
    assert Page(page(tmp_path)).marks == {
        "AUTH-001 on akosha": "passed",
        "AUTH-001 on dhruva": "failed",
        "AUTH-002 on akosha": "missing",
        "AUTH-002 on dhruva": "passed",
        "TLS-001 on akosha": "passed",
        "TLS-001 on dhruva": "passed",
        "CROSS-001 on fleet": "passed",
    }


def test_the_head_shows_what_ran_and_how_it_ended(tmp_path: Path) -> None:
    text = page(tmp_path)
    header = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text[text.index("<header") : text.index("</header>")]))
    for words in ("akosha, dhruva 1.2.3", "failed", "1 MUST check failed", "process", "no engine answers"):
        assert words in header
    assert "2026-03-01 10:00 UTC, took 0:01:05 h, 2 workers" in header
    assert "pytest suites --stack process" in header


def test_the_earlier_suite_is_traced(tmp_path: Path) -> None:
    text = page(tmp_path)
    assert "<code>valid_token_authenticates</code>" in text[text.index('id="earlier"') :]


def test_the_page_needs_nothing_but_itself(tmp_path: Path) -> None:
    text = page(tmp_path)
    assert all(address.startswith("#") for address in Page(text).addresses)
    assert "default-src 'none'" in text
    assert not re.search(r"@import|url\(|https?://|fetch\(", text)


def test_a_table_wider_than_the_page_scrolls_by_itself(tmp_path: Path) -> None:
    text = page(tmp_path)
    holders = re.findall(r'class="card ?([^"]*)">\s*<table>', text)
    assert len(holders) == text.count("<table>") == 3
    assert set(holders) == {"scroll", "matrix"}


def test_a_reason_cannot_break_out_of_the_page(tmp_path: Path) -> None:
    text = page(tmp_path, reason="</script><script>alert(1)</script>")
    assert "<script>alert" not in text
    assert text.count("</script>") == 2
