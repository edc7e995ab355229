-- Who joined in which week; weeks begin on Mondays, UTC.
{{ config(materialized='view', schema='staging', contract={'enforced': false}) }}
select user_id, toMonday(toDate(assumeNotNull(created_at), 'UTC')) as cohort_week
from {{ ref('dim_users') }}
where created_at is not null
