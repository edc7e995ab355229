-- By the day on which the session began, wherever its later steps lie: so the steps of a day are of
-- the same candidates, and a completion restates the day of its beginning.
{{ config(
    materialized='restated_slices',
    compared_with='int_candidates__sessions',
    slice='date',
    source_measure=fingerprint(['user_id'], {
        'started': '1', 'answering': 'is_answering', 'completed': 'is_completed', 'abandoned': 'is_abandoned',
        'to_first_answer': 'start_to_first_answer_seconds', 'to_completion': 'duration_seconds',
    }),
    own_slice='date',
    own_measure=fingerprint(['user_id'], {
        'started': 'started_count', 'answering': 'first_answer_count', 'completed': 'completed_count', 'abandoned': 'abandoned_count',
        'to_first_answer': 'start_to_first_answer_seconds_total', 'to_completion': 'start_to_completion_seconds_total',
    }),
    own_count='sum(started_count)',
    sliced_sources={'int_candidates__session_progress': 'day'},
    partition_by='date',
    order_by=['date', 'user_id'],
) }}
-- depends_on: {{ ref('int_landed') }}
select
    date,
    user_id,
    count() as started_count,
    countIf(is_answering) as first_answer_count,
    countIf(is_completed) as completed_count,
    countIf(is_abandoned) as abandoned_count,
    countIf(is_completed = 0 and is_abandoned = 0) as in_progress_count,
    toUInt64(sum(start_to_first_answer_seconds)) as start_to_first_answer_seconds_total,
    toUInt64(sum(duration_seconds)) as start_to_completion_seconds_total
from {{ ref('int_candidates__sessions') }}
where {{ touched_slices('date') }}
group by date, user_id
