"""What must hold of captured plans, subscriptions and the ledger of usage."""

from expectations.words import (
    captured,
    given,
    id_is_given,
    in_order,
    is_json,
    known,
    leads_to,
    no_row,
    some,
    typed,
    within,
)

PLANS = captured(
    "subscription_plans",
    ("name", "price", "currency", "billing_interval", "limits", "is_active"),
    (
        typed(
            "oltp.subscription_plans",
            {"id": "UUID", "price": "Decimal", "limits": "String", "billing_interval": "String"},
        ),
        id_is_given("id", "A nil id is nobody's plan."),
        is_json("limits", "A plan whose limits cannot be read limits nobody."),
        within(
            "price", 0, None, "A negative price makes revenue of every customer it has smaller."
        ),
        known("billing_interval", ("month", "year"), "Revenue per month is computed from it."),
        is_json("features", "Nobody would be entitled to anything.", "warning"),
        some("subscription_plans"),
    ),
)

SUBSCRIPTIONS = captured(
    "subscriptions",
    ("user_id", "plan_id", "status", "current_period_start", "current_period_end", "created_at"),
    (
        typed(
            "oltp.subscriptions",
            {
                "id": "UUID",
                "plan_id": "UUID",
                "status": "String",
                "current_period_start": "DateTime64",
                "current_period_end": "DateTime64",
            },
        ),
        id_is_given("id", "A nil id is nobody's subscription."),
        in_order(
            "current_period_start",
            "current_period_end",
            "A period that ends before it begins is in force on no day, and its limits with it.",
        ),
        no_row(
            "a_user_has_one_active_subscription_at_a_time",
            "Which limits are in force is then a matter of luck, and revenue is counted twice.",
            "warning",
            "id IN (SELECT id FROM (SELECT id, current_period_start, max(current_period_end) OVER"
            " (PARTITION BY user_id ORDER BY current_period_start, id"
            " ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS former_end"
            " FROM {table} WHERE status = 'active' AND isNotNull(user_id))"
            " WHERE former_end > current_period_start)",
        ),
        no_row(
            "an_active_subscription_is_not_long_over",
            "It was neither renewed nor ended: the limits of its customer are those of no period.",
            "warning",
            "status = 'active' AND current_period_end < now() - INTERVAL 7 DAY",
        ),
        known(
            "status",
            ("active", "cancelled", "expired"),
            "Revenue and entitlement go by status; one nobody has heard of gives neither.",
        ),
        given("user_id", "A subscription of nobody entitles nobody, and is in the revenue."),
        leads_to("user_id", "users", "Its customer is not known."),
        leads_to(
            "plan_id", "subscription_plans", "Without its plan there is no limit and no price."
        ),
        some("subscriptions"),
    ),
)

USAGE = captured(
    "usage_tracking",
    ("user_id", "subscription_id", "resource_type", "count", "date"),
    (
        typed(
            "oltp.usage_tracking",
            {
                "id": "UUID",
                "user_id": "UUID",
                "resource_type": "String",
                "count": "Int",
                "date": "Date",
            },
        ),
        id_is_given("id", "A nil id is no entry of the ledger."),
        within("count", 0, None, "A negative entry hides usage that a customer owes for."),
        no_row(
            "date_is_not_in_the_future",
            "Usage of a day to come is judged against limits that are not in force yet.",
            "severe",
            "date > toDate(now('UTC')) + 1",
        ),
        known(
            "resource_type",
            ("interviews", "analysis", "storage"),
            "Limits are by resource; what is used of another is limited by none.",
        ),
        given("user_id", "Usage of nobody is in the totals and on no bill."),
        leads_to("user_id", "users", "Usage of an unknown user is on no bill."),
        leads_to("subscription_id", "subscriptions", "It is judged by no plan."),
        is_json("metadata", "What reads fields out of it reads nothing.", "warning"),
        some("usage_tracking"),
    ),
)
