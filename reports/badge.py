"""A small SVG badge of the verdict, for a README."""

from html import escape

from bodhisattva.reports.report import Claim, Report, Verdict

COLOURS: dict[Verdict, str] = {
    "passed": "#1a7f37",
    "failed": "#cf222e",
    "partial": "#9a6700",
    "empty": "#57606a",
}
LABEL = "conformance"
CHARACTER_WIDTH = 6.6
PADDING = 7

TEMPLATE = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img" aria-label="{label}: {value}">
  <title>{label}: {value}</title>
  <clipPath id="round"><rect width="{width}" height="20" rx="4"/></clipPath>
  <g clip-path="url(#round)">
    <rect width="{left}" height="20" fill="#3b4048"/>
    <rect x="{left}" width="{right}" height="20" fill="{colour}"/>
  </g>
  <g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">
    <text x="{left_middle}" y="14">{label}</text>
    <text x="{right_middle}" y="14">{value}</text>
  </g>
</svg>
"""


def badge(report: Report) -> str:
    """The badge: the profiles that were claimed and hold, or the verdict; and how many checks that apply passed."""
    value = _claims(report) if report.claimed else f"{report.verdict} {_share(report)}"
    left, right = _width(LABEL), _width(value)
    return TEMPLATE.format(
        label=escape(LABEL),
        value=escape(value),
        colour=COLOURS[report.verdict],
        width=left + right,
        left=left,
        right=right,
        left_middle=left / 2,
        right_middle=left + right / 2,
    )


def _claims(report: Report) -> str:
    """Such as `core, durable 93/93`, or `core; not secure (2 failed)`."""
    kept = [name for name, claim in report.claims.items() if claim.verdict == "passed"]
    if len(kept) == len(report.claims):
        return f"{', '.join(kept)} {_share(report)}"
    wanting = [f"{name} ({_wants(claim)})" for name, claim in report.claims.items() if name not in kept]
    return "; ".join([*([", ".join(kept)] if kept else []), f"not {', '.join(wanting)}"])


def _wants(claim: Claim) -> str:
    return f"{claim.failed} failed" if claim.failed else claim.verdict


def _share(report: Report) -> str:
    applicable = sum(report.counts.values()) - report.counts["unsupported"]
    return f"{report.counts['passed']}/{applicable}"


def _width(text: str) -> int:
    return round(len(text) * CHARACTER_WIDTH) + 2 * PADDING
