"""Makes an Allure site call nobody: `python -m bodhisattva.reports.quiet SITE`.

Allure 3.18 writes Google's tag manager into every page and has no setting against it.
"""

import re
import sys
from pathlib import Path

FAILED = 1
BAD_INPUT = 2
_ELEMENT = re.compile(r"[ \t]*<script\b[^>]*>.*?</script>[ \t]*\n?", re.DOTALL | re.IGNORECASE)
_TRACKER = re.compile(r"googletagmanager\.com|google-analytics\.com|function gtag\(")
_LOADS = re.compile(
    r"<(?:script|img|iframe|source|embed)\b[^>]*?\ssrc\s*=\s*[\"']?((?:https?:)?//[^\s\"'>]+)"
    r"|<link\b[^>]*?\shref\s*=\s*[\"']?((?:https?:)?//[^\s\"'>]+)",
    re.IGNORECASE,
)


def silence(site: Path) -> int:
    """Take the tracking scripts out of the pages under `site`; the number of scripts that went."""
    return sum(_silence_page(page) for page in pages(site))


def foreign(site: Path) -> list[str]:
    """What the pages would still load from elsewhere as soon as they are opened: `page: address`."""
    return [f"{page.relative_to(site)}: {address}" for page in pages(site) for address in _addresses(page)]


def pages(site: Path) -> list[Path]:
    """The HTML files under `site`; attachments, which are evidence and open only in a frame, are left as they are."""
    found = (page.relative_to(site) for page in site.rglob("*.html"))
    return sorted(site / page for page in found if "data" not in page.parts)


def _silence_page(page: Path) -> int:
    text = page.read_text(encoding="utf-8")
    trackers = [element for element in _ELEMENT.findall(text) if _TRACKER.search(element)]
    for element in trackers:
        text = text.replace(element, "", 1)
    if trackers:
        page.write_text(text, encoding="utf-8")
    return len(trackers)


def _addresses(page: Path) -> list[str]:
    return [one or other for one, other in _LOADS.findall(page.read_text(encoding="utf-8"))]


def main(arguments: list[str]) -> int:
    """Exit code 0 if the site is quiet now, 1 if it would still load something from elsewhere, 2 if there is none."""
    if len(arguments) != 1 or not pages(Path(arguments[0])):
        sys.stderr.write("quiet: give the folder of a site that Allure has built\n")
        return BAD_INPUT
    site = Path(arguments[0])
    silence(site)
    left = foreign(site)
    for line in left:
        sys.stderr.write(f"quiet: {line} would be loaded from elsewhere; a report must not call anybody\n")
    return FAILED if left else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
