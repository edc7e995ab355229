-- Restated for the day a session began, whenever it ends or is given up.
{%- set measure = fingerprint_of_rows([
    'interview_id', 'user_id', 'session_count', 'completed_count', 'abandoned_count', 'completed_seconds_total',
    'drop_off_question_id', 'drop_off_order_index', 'drop_off_count',
]) %}
{{ config(
    materialized='restated_slices',
    compared_with='int_candidates__experience',
    slice='date',
    source_measure=measure,
    own_slice='date',
    own_measure=measure,
    own_count='sum(session_count)',
    sliced_sources={'int_candidates__session_progress': 'day'},
    partition_by='date',
    order_by=['date', 'interview_id'],
) }}
-- depends_on: {{ ref('int_landed') }}
select
    date,
    interview_id,
    user_id,
    session_count,
    completed_count,
    abandoned_count,
    completion_ratio,
    completed_seconds_total,
    drop_off_question_id,
    drop_off_order_index,
    drop_off_count
from {{ ref('int_candidates__experience') }}
where {{ touched_slices('date') }}
