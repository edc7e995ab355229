"""What must hold of captured accounts."""

from expectations.words import (
    captured,
    id_is_given,
    in_order,
    known,
    no_row,
    not_ahead,
    some,
    typed,
)

USERS = captured(
    "users",
    ("status", "email_verified", "created_at", "updated_at"),
    (
        typed("oltp.users", {"id": "UUID", "email": "String", "created_at": "DateTime64"}),
        id_is_given(
            "id", "Activity without a user has the nil id: it would all become this one's."
        ),
        in_order(
            "created_at",
            "updated_at",
            "A row changed before it was made has lost its times; cohorts begin by them.",
        ),
        no_row(
            "email_is_an_address",
            "A customer without an address cannot be reached, and often is a test account.",
            "warning",
            "position(email, '@') < 2",
        ),
        no_row(
            "email_belongs_to_one_user",
            "Two accounts of one address split a customer's numbers in two.",
            "warning",
            "lower(email) IN (SELECT lower(email) FROM {table} GROUP BY 1 HAVING count() > 1)",
        ),
        known(
            "status",
            ("active", "inactive", "suspended", "deleted"),
            "Active users are counted by status; one nobody has heard of is in no count.",
        ),
        not_ahead("created_at", "An account of tomorrow is a cohort that has not begun."),
        some("users"),
    ),
)
