"""The suites, one per landed table that matters, by the same bounded contexts as the tables.

Belongs here: what must hold, one sentence of reason each. Severe is what makes a number wrong
that the row is in: such a row is kept out. What is only strange or new is a warning.
"""

from expectations.suite import Suite
from expectations.suites import analysis, billing, events, identity, media, responses
from stores.errors import InputInvalid

SUITES: dict[str, Suite] = {
    suite.name: suite
    for suite in (
        events.USER_EVENTS,
        events.INTERVIEW_METRICS,
        events.API_METRICS,
        identity.USERS,
        responses.SESSIONS,
        responses.RESPONSES,
        media.FILES,
        media.JOBS,
        analysis.RESULTS,
        billing.PLANS,
        billing.SUBSCRIPTIONS,
        billing.USAGE,
    )
}
BY_TABLE = {suite.table: suite for suite in SUITES.values()}


def suite_named(name: str) -> Suite:
    """The suite of that name. Raises InputInvalid, which names the others."""
    if name not in SUITES:
        raise InputInvalid("suite", f"must be one of {', '.join(SUITES)}")
    return SUITES[name]
