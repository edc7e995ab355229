"""The geometry of the daily chart; the template writes it down as SVG.

Belongs here: lines, marks and the column of each day. Colours belong to the style sheet.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from serving.dashboards import formatting
from serving.dashboards.scales import Scale, day_marks, marks
from serving.dashboards.series import DayValue, Series

MARGIN_TOP = 12
MARGIN_BOTTOM = 28
MARGIN_RIGHT = 14
SPARK_WIDTH = 120
SPARK_HEIGHT = 28


@dataclass(frozen=True)
class Mark:
    """A label on an axis."""

    position: float
    label: str


@dataclass(frozen=True)
class DayColumn:
    """What belongs to one day: where it is, and what a reader learns when pointing at it."""

    left: float
    width: float
    x: float
    y: float | None
    compared_y: float | None
    day_text: str
    value_text: str
    compared_day_text: str
    compared_text: str
    is_complete: bool


@dataclass(frozen=True)
class Chart:
    """A line chart in pixels. Paths are SVG path data, empty where there is nothing to draw."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    value_marks: list[Mark]
    day_marks: list[Mark]
    line: str
    area: str
    incomplete_line: str
    compared_line: str
    columns: list[DayColumn]


Point = tuple[float, float]


def daily_chart(series: Series, width: int, height: int, day_label_count: int) -> Chart:
    """The chart of `series` in a box of `width` by `height`."""
    unit = series.metric.unit
    highest = max(
        (value for day in series.days for value in (day.value, day.compared_value) if value),
        default=0,
    )
    levels = marks(highest, is_binary=unit == "mebibytes")
    labels = [formatting.short(level, unit) for level in levels]
    # About seven pixels for each character of the widest label.
    left = 14 + 7 * max(len(label) for label in labels)
    right, bottom = width - MARGIN_RIGHT, height - MARGIN_BOTTOM
    vertical = Scale(0, levels[-1], bottom, MARGIN_TOP)
    horizontal = Scale(0, max(1, len(series.days) - 1), left, right)
    if len(series.days) == 1:
        horizontal = Scale(-1, 1, left, right)
    points = [
        None if day.value is None else (horizontal(index), vertical(day.value))
        for index, day in enumerate(series.days)
    ]
    compared = [
        (horizontal(index), vertical(day.compared_value))
        for index, day in enumerate(series.days)
        if day.compared_value is not None
    ]
    complete = [p for p, day in zip(points, series.days, strict=True) if p and day.is_complete]
    incomplete = [
        p for p, day in zip(points, series.days, strict=True) if p and not day.is_complete
    ]
    indexes = day_marks([day.day for day in series.days], day_label_count)
    return Chart(
        width=width,
        height=height,
        left=left,
        right=right,
        top=MARGIN_TOP,
        bottom=bottom,
        value_marks=[
            Mark(vertical(level), label) for level, label in zip(levels, labels, strict=True)
        ],
        day_marks=[
            Mark(horizontal(index), f"{series.days[index].day.day} {series.days[index].day:%b}")
            for index in indexes
        ],
        line=_path(complete),
        area=_area(complete, bottom),
        incomplete_line=_path([*complete[-1:], *incomplete]) if incomplete else "",
        compared_line=_path(compared),
        columns=_columns(series, horizontal, vertical),
    )


def spark(series: Series) -> tuple[str, str]:
    """A small line without axes for a card: the complete days, then the incomplete ones."""
    known = [(index, day) for index, day in enumerate(series.days) if day.value is not None]
    highest = max((day.value or 0 for _, day in known), default=0)
    vertical = Scale(0, max(1, highest), SPARK_HEIGHT - 2, 2)
    horizontal = Scale(0, max(1, len(series.days) - 1), 1, SPARK_WIDTH - 1)
    points = [
        (horizontal(index), vertical(day.value or 0), day.is_complete) for index, day in known
    ]
    complete = [(x, y) for x, y, is_complete in points if is_complete]
    incomplete = [(x, y) for x, y, is_complete in points if not is_complete]
    return _path(complete), _path([*complete[-1:], *incomplete]) if incomplete else ""


def _columns(series: Series, horizontal: Scale, vertical: Scale) -> list[DayColumn]:
    half = (horizontal(1) - horizontal(0)) / 2
    return [
        _column(series, day, horizontal(index), half, vertical)
        for index, day in enumerate(series.days)
    ]


def _column(series: Series, day: DayValue, x: float, half: float, vertical: Scale) -> DayColumn:
    return DayColumn(
        left=round(x - half, 1),
        width=round(2 * half, 1),
        x=x,
        y=None if day.value is None else vertical(day.value),
        compared_y=None if day.compared_value is None else vertical(day.compared_value),
        day_text=formatting.day(day.day),
        value_text=series.text(day.value),
        compared_day_text="" if day.compared_day is None else formatting.day(day.compared_day),
        compared_text="" if day.compared_day is None else series.text(day.compared_value),
        is_complete=day.is_complete,
    )


def _path(points: Sequence[Point]) -> str:
    return "M" + "L".join(f"{x:g},{y:g}" for x, y in points) if points else ""


def _area(points: Sequence[Point], bottom: float) -> str:
    if len(points) < 2:
        return ""
    return f"{_path(points)}L{points[-1][0]:g},{bottom:g}L{points[0][0]:g},{bottom:g}Z"
