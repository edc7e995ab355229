"""What is decided of a story before it is told: chosen by hypothesis, or by a seed alone.

Belongs here: the choices that make a failing story shorter when they are made smaller. What
happens turn by turn is drawn from the seed, so an outline repeats its story.
"""

import json
from dataclasses import asdict, dataclass
from random import Random

from hypothesis import strategies as st

LENGTH = 60
FORM_SHARES = (0.0, 0.0, 0.05, 0.05, 0.15, 0.4)
LARGE_SHARES = (0.0, 0.0, 0.02, 0.05)
# A column that no change renames or drops, treated so by the capture; nothing where it is "".
HIDDEN = ("", "", "", "exclude", "hash")
MOST_SEED = 10**8


@dataclass(frozen=True)
class Outline:
    """One story. `is_late`: its tables are published while capture follows."""

    seed: int
    length: int = LENGTH
    table_count: int = 1
    session_count: int = 1
    form_share: float = 0.0
    large_share: float = 0.0
    is_late: bool = False
    is_partitioned: bool = False
    is_filtered: bool = False
    hidden: str = ""

    @staticmethod
    def of_seed(seed: int, length: int = LENGTH) -> "Outline":
        """The seed decides everything."""
        chance = Random(seed)
        return Outline(
            seed,
            length,
            chance.choice((1, 1, 2)),
            chance.choice((1, 2, 3)),
            chance.choice(FORM_SHARES),
            chance.choice(LARGE_SHARES),
            chance.random() < 0.4,
            chance.random() < 0.2,
            chance.random() < 0.2,
            chance.choice(HIDDEN),
        )

    def __str__(self) -> str:
        return json.dumps(asdict(self))

    @staticmethod
    def parse(text: str) -> "Outline":
        """What `str` wrote, or a seed alone."""
        return Outline.of_seed(int(text)) if text.isdigit() else Outline(**json.loads(text))


def outlines(length: int = LENGTH) -> st.SearchStrategy[Outline]:
    """Any story; simpler ones are shorter, of one table and one session, and change no forms."""
    return st.builds(
        Outline,
        seed=st.integers(1, MOST_SEED),
        length=st.sampled_from((length // 6, length // 2, length, length, length)),
        table_count=st.integers(1, 2),
        session_count=st.integers(1, 3),
        form_share=st.sampled_from(FORM_SHARES),
        large_share=st.sampled_from(LARGE_SHARES),
        is_late=st.booleans(),
        is_partitioned=st.booleans(),
        is_filtered=st.booleans(),
        hidden=st.sampled_from(HIDDEN),
    )
