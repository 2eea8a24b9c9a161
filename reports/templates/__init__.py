"""The pages' templates, and the one way to fill them."""

from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined

_ENVIRONMENT = Environment(
    loader=PackageLoader("bodhisattva.reports", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
# Services keep the order of the run.
_ENVIRONMENT.policies["json.dumps_kwargs"] = {"sort_keys": False}


def spelled(value: Any) -> str:
    """JSON for people."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


_ENVIRONMENT.globals["spelled"] = spelled


def render(template: str, **values: Any) -> str:
    """The page; values are escaped, and a value that the template misses is an error."""
    return _ENVIRONMENT.get_template(template).render(**values)
