"""A site must open without calling anybody."""

from pathlib import Path

import pytest

from bodhisattva.reports.quiet import foreign, main, silence

# As Allure 3.18 writes it, shortened; the first and the last script are the page's own.
PAGE = """<!DOCTYPE html>
<html><head>
    <link rel="stylesheet" href="styles.css">
    <script>window.theme = "<auto>";</script>
</head><body>
    <a href="https://allurereport.org">Allure</a>
    <script   src="app-b33.js"></script>
    <script async src="https://www.googletagmanager.com/gtag/js?id=G-LNDJ3J7WT0"></script>
    <script>
        window.dataLayer = window.dataLayer || [];
        function gtag(){dataLayer.push(arguments);}
        gtag('js', new Date());
        gtag('config', 'G-LNDJ3J7WT0', {"report": "awesome", "reportUuid": "716c49c8"});
    </script>
    <script async>window.allureReportOptions = {"reportName": "Ours"};</script>
</body></html>
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    for folder in ("", "awesome", "dashboard"):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "index.html").write_text(PAGE, encoding="utf-8")
    return tmp_path


def test_tracking_goes_and_the_rest_stays(site: Path) -> None:
    assert silence(site) == 2 * 3
    page = (site / "awesome/index.html").read_text(encoding="utf-8")
    assert "google" not in page
    assert "gtag" not in page
    own = ("styles.css", '"<auto>"', "app-b33.js", '"reportName": "Ours"', "https://allurereport.org")
    assert all(part in page for part in own)


def test_a_quiet_site_is_left_alone(site: Path) -> None:
    silence(site)
    page = site / "awesome/index.html"
    quiet = page.read_bytes(), page.stat().st_mtime_ns
    assert silence(site) == 0
    assert (page.read_bytes(), page.stat().st_mtime_ns) == quiet


def test_evidence_is_not_changed(site: Path) -> None:
    attachment = site / "awesome/data/attachments/page.html"
    attachment.parent.mkdir(parents=True)
    attachment.write_text(PAGE, encoding="utf-8")
    silence(site)
    assert attachment.read_text(encoding="utf-8") == PAGE


@pytest.mark.parametrize(
    "element",
    [
        '<script src="https://cdn.example/x.js"></script>',
        "<script defer src='//cdn.example/x.js'></script>",
        '<link rel="preconnect" href="https://cdn.example/x.js">',
        '<img alt="" src=https://cdn.example/x.js>',
    ],
)
def test_what_is_loaded_from_elsewhere_is_named(site: Path, element: str, capsys: pytest.CaptureFixture[str]) -> None:
    page = site / "dashboard/index.html"
    page.write_text(PAGE.replace("</body>", f"{element}</body>"), encoding="utf-8")
    assert main([str(site)]) == 1
    result = capsys.readouterr().err
    assert "dashboard/index.html" in result
    assert "cdn.example/x.js" in result


def test_a_link_to_click_is_not_a_call(site: Path) -> None:
    assert main([str(site)]) == 0
    assert foreign(site) == []


def test_no_site_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 2
    assert "site" in capsys.readouterr().err
