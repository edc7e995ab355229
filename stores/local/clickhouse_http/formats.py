"""Content types of ClickHouse's output formats.

Belongs here: the mapping only; the engine knows the formats themselves.
"""

TEXT = "text/plain; charset=UTF-8"
BINARY = "application/octet-stream"
BY_PREFIX = (
    ("TabSeparated", "text/tab-separated-values; charset=UTF-8"),
    ("TSV", "text/tab-separated-values; charset=UTF-8"),
    ("TSKV", "text/tab-separated-values; charset=UTF-8"),
    ("CSVWithNames", "text/csv; charset=UTF-8; header=present"),
    ("CSV", "text/csv; charset=UTF-8; header=absent"),
    ("JSONEachRow", "application/x-ndjson; charset=UTF-8"),
    ("JSONLines", "application/x-ndjson; charset=UTF-8"),
    ("JSONStringsEachRow", "application/x-ndjson; charset=UTF-8"),
    ("JSONCompactEachRow", "application/x-ndjson; charset=UTF-8"),
    ("JSONCompactStringsEachRow", "application/x-ndjson; charset=UTF-8"),
    ("NDJSON", "application/x-ndjson; charset=UTF-8"),
    ("JSON", "application/json; charset=UTF-8"),
    ("XML", "application/xml; charset=UTF-8"),
    ("Markdown", "text/markdown; charset=UTF-8"),
    *((name, TEXT) for name in ("Pretty", "Vertical", "Values", "SQLInsert", "Raw", "LineAs")),
)


def content_type(name: str) -> str:
    """The content type of a format; what is not text is a stream of bytes."""
    return next((kind for prefix, kind in BY_PREFIX if name.startswith(prefix)), BINARY)
