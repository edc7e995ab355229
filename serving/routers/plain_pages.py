"""Pages that need neither network nor script: their templates and what these have in common."""

import re

from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup, escape

# Styles stand in the page; nothing is loaded and nothing runs.
PAGE_POLICY = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
_CODE = re.compile(r"`([^`]+)`")


def _with_code(text: str) -> Markup:
    """Backticks as a page shows them; all else escaped."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704  escaped before


PAGES = Environment(
    loader=PackageLoader("serving.routers", "templates"), autoescape=select_autoescape()
)
PAGES.globals["with_code"] = _with_code
