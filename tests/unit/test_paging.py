"""What parameters of lists take."""

import pytest
from pydantic import TypeAdapter, ValidationError

from serving.paging import MomentGiven

MOMENT = TypeAdapter(MomentGiven)


@pytest.mark.parametrize("given", ["2030-01-01T00:00:00Z", "2030-01-01 02:00:00+02:00"])
def test_a_moment_is_a_date_and_a_time_with_its_zone(given: str) -> None:
    assert (
        MOMENT.validate_python(given).isoformat() == MOMENT.validate_json(f'"{given}"').isoformat()
    )


@pytest.mark.parametrize(
    "given", ["0.5", "-1", "1700000000", 1700000000, True, "2030-01-01T00:00:00", "soon"]
)
def test_a_number_is_no_moment_nor_is_a_time_without_its_zone(given: object) -> None:
    with pytest.raises(ValidationError):
        MOMENT.validate_python(given)
