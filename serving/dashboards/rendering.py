"""Templates and static files of the dashboards.

Belongs here: turning a page into HTML, and naming static files so that browsers may keep
them for ever: the name carries a digest of the content.
"""

import hashlib
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from serving.dashboards import formatting
from serving.dashboards.filters import COMPARISONS, RANGES, ROW_LIMITS
from serving.dashboards.metrics import METRICS
from serving.dashboards.tables import RESOURCE_TYPES, resource_label
from serving.dashboards.usage_page import UsagePage

HERE = Path(__file__).parent
STATIC = HERE / "static"
MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
# As in static/dashboard.js.
REFRESH_SECONDS = 30


@cache
def static_file(name: str) -> tuple[bytes, str] | None:
    """Content and media type of a file in `static/`; None for any other name."""
    known = {path.name: path for path in STATIC.iterdir() if path.suffix in MEDIA_TYPES}
    path = known.get(name)
    return (path.read_bytes(), MEDIA_TYPES[path.suffix]) if path else None


@cache
def asset(name: str) -> str:
    """The address of a static file, with the digest of its content."""
    found = static_file(name)
    assert found is not None, name  # noqa: S101  templates name only files that exist
    return f"/dashboards/static/{name}?v={hashlib.sha256(found[0]).hexdigest()[:12]}"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        asset=asset, title=formatting.title, day_text=_day_text, plan_label=_plan_label
    )
    return environment


def render(template: str, **values: Any) -> str:
    """The template as HTML."""
    return _environment().get_template(template).render(**values)


def render_usage(page: UsagePage) -> str:
    """The usage page as HTML."""
    return render(
        "usage.html",
        page=page,
        ranges=RANGES,
        comparisons=COMPARISONS,
        metrics=METRICS,
        row_limits=ROW_LIMITS,
        resource_columns={name: resource_label(name) for name in RESOURCE_TYPES},
        refresh_seconds=REFRESH_SECONDS,
    )


def _plan_label(name: str) -> str:
    """The marts call it 'none' where there is no subscription."""
    return "No plan" if name == "none" else formatting.title(name)


def _day_text(value: date) -> str:
    return formatting.day(value)
