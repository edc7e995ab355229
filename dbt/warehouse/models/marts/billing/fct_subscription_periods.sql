-- A customer has one subscription at a time: of those in force, the one begun last. So each
-- customer's time is cut where anything begins or ends, the pieces are judged one by one, and
-- neighbours that came out alike are put together again.
with
versions as (
    select
        subscriptions.user_id as user_id,
        subscriptions.subscription_id as subscription_id,
        subscriptions.subscription_began_at as subscription_began_at,
        plans.plan_id as plan_id,
        plans.version_number as plan_version_number,
        plans.plan_name as plan_name,
        plans.price as price,
        plans.currency as currency,
        plans.billing_interval as billing_interval,
        plans.monthly_price as monthly_price,
        plans.interviews_limit_count as interviews_limit_count,
        plans.analysis_limit_count as analysis_limit_count,
        plans.storage_limit_mebibytes as storage_limit_mebibytes,
        greatest(subscriptions.in_force_from, plans.valid_from) as in_force_from,
        least(subscriptions.in_force_until, ifNull(plans.valid_until, {{ open_end() }})) as in_force_until
    from {{ ref('int_subscription__versions') }} as subscriptions
    inner join {{ ref('dim_subscription_plans_history') }} as plans on plans.plan_id = subscriptions.plan_id
    where in_force_from < in_force_until
),

cuts as (
    select user_id, arrayJoin([in_force_from, in_force_until]) as cut_at
    from versions
    group by user_id, cut_at
),

pieces as (
    select
        user_id,
        cut_at as piece_from,
        leadInFrame(cut_at) over (
            partition by user_id order by cut_at rows between current row and 1 following
        ) as piece_until
    from cuts
),

judged as (
    select
        pieces.user_id as user_id,
        pieces.piece_from as piece_from,
        pieces.piece_until as piece_until,
        argMax(
            (versions.subscription_id, versions.plan_id, versions.plan_version_number),
            (versions.subscription_began_at, versions.subscription_id, versions.in_force_from)
        ) as in_force
    from pieces
    inner join versions on versions.user_id = pieces.user_id
    where versions.in_force_from <= pieces.piece_from and pieces.piece_until <= versions.in_force_until
        and pieces.piece_from < pieces.piece_until
    group by user_id, piece_from, piece_until
),

marked as (
    select
        *,
        (piece_from, in_force) != (
            lagInFrame(piece_until) over earlier_piece, lagInFrame(in_force) over earlier_piece
        ) as is_beginning
    from judged
    window earlier_piece as (
        partition by user_id order by piece_from rows between 1 preceding and current row
    )
),

numbered as (
    select
        *,
        sum(is_beginning) over (partition by user_id order by piece_from) as period_number
    from marked
),

periods as (
    select
        user_id,
        period_number,
        any(in_force) as in_force,
        min(piece_from) as began_at,
        max(piece_until) as ended_at
    from numbered
    group by user_id, period_number
)

select
    reinterpretAsUUID(sipHash128(toString(subscription_id), toString(periods.began_at))) as subscription_period_id,
    periods.user_id as user_id,
    tupleElement(periods.in_force, 1) as subscription_id,
    plans.plan_id as plan_id,
    plans.version_number as plan_version_number,
    plans.plan_name as plan_name,
    plans.price as price,
    plans.currency as currency,
    plans.billing_interval as billing_interval,
    plans.monthly_price as monthly_price,
    plans.interviews_limit_count as interviews_limit_count,
    plans.analysis_limit_count as analysis_limit_count,
    plans.storage_limit_mebibytes as storage_limit_mebibytes,
    periods.began_at as began_at,
    if(periods.ended_at = {{ open_end() }}, null, periods.ended_at) as ended_at,
    toDate(periods.began_at, 'UTC') as valid_from_date,
    least(
        toDate(periods.ended_at - interval 1 microsecond, 'UTC') + 1,
        leadInFrame(toDate(periods.began_at, 'UTC'), 1, toDate('2149-06-06')) over (
            partition by user_id order by began_at rows between current row and 1 following
        )
    ) as valid_until_date
from periods
inner join {{ ref('dim_subscription_plans_history') }} as plans
    on plans.plan_id = tupleElement(periods.in_force, 2) and plans.version_number = tupleElement(periods.in_force, 3)
