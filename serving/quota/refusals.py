"""Every refusal of a quota, as a problem.

Belongs here: which it is and the numbers that it names.
"""

from typing import TYPE_CHECKING

from serving.problems import Problem, unavailable
from stores.postgres.quota_ledger import Reservation

if TYPE_CHECKING:
    from serving.quota.desk import Standing


def no_user() -> Problem:
    """Unknown, or another tenant's."""
    return Problem(404, "There is no user with this id.")


def no_reservation() -> Problem:
    """Unknown, or another tenant's."""
    return Problem(404, "There is no reservation with this id.")


def exceeded(standing: "Standing", amount: int) -> Problem:
    """There is no room for `amount`."""
    limit = standing.limit
    what = standing.period.resource
    grace = (limit.cap or 0) - (limit.limit or 0)
    allowed = f"{limit.limit} a month" + (f" and a grace of {grace}" if grace else "")
    detail = (
        f"{amount} of {what} were asked for; of {allowed} {standing.used} are used"
        f" and {standing.reserved} reserved."
        if standing.plan.name is not None
        else "The user has no active subscription, so nothing may be used."
    )
    return Problem(
        409,
        detail,
        kind="quota-exceeded",
        resource=what,
        amount=amount,
        plan_name=standing.plan.name,
        mode=limit.mode,
        limit_count=limit.limit,
        used_count=standing.used,
        reserved_count=standing.reserved,
        remaining_count=standing.remaining,
        resets_at=standing.period.ends_at,
    )


def key_reused() -> Problem:
    """The key stands for another request."""
    return Problem(
        422,
        "This Idempotency-Key was used for another request; make a new one for a new request.",
        kind="idempotency-key-reused",
    )


def under_way() -> Problem:
    """The same operation was begun by another request, whose end is not known yet."""
    return Problem(
        409,
        "The same request is being worked on; send it again in a moment.",
        {"Retry-After": "1"},
        "idempotency-in-progress",
    )


def not_checked() -> Problem:
    """Redis is away, and the settings want nothing used unchecked."""
    problem = unavailable(
        "Quotas cannot be checked right now, so nothing is given out; try again.",
        kind="quota-unavailable",
    )
    problem.members["enforcement"] = "closed"
    return problem


def check_ended_so(found: Reservation, amount: int | None) -> None:
    """Raises Problem unless the reservation has ended as it is asked to: that is a repetition."""
    wanted = "released" if amount is None else "committed"
    if found.state == wanted and found.committed_amount == amount:
        return
    if amount is not None and amount > found.amount:
        rule = f"must not be more than was reserved, {found.amount}"
        raise Problem(
            422, f"amount: {rule}", invalid_parameters=[{"field": "amount", "rule": rule}]
        )
    how = f" to {found.committed_amount}" if found.state == "committed" else ""
    raise Problem(
        409,
        f"The reservation is {found.state}{how} and cannot be {wanted} any more.",
        kind="reservation-ended",
        state=found.state,
        committed_amount=found.committed_amount,
    )
