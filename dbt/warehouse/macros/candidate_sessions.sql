{#-
  Sessions with what candidates answered and were asked, up to the CTE `sessions`: of all, or of those
  that `among` chooses, a condition on `session_id`.
-#}
{% macro candidate_sessions(among='1 = 1') -%}
answers as (
    select
        assumeNotNull(session_id) as session_id,
        groupArray(response_id) as response_ids,
        count() as response_count,
        uniqExact(question_id) as answered_question_count,
        groupUniqArray(question_id) as answered_question_ids,
        min(recorded_at) as first_answer_at,
        max(recorded_at) as last_answer_at,
        sum(ifNull(duration_seconds, 0)) as answered_seconds
    from {{ ref('stg_oltp__candidate_responses') }}
    where session_id is not null and {{ among }}
    group by session_id
),

questions as (
    select
        assumeNotNull(interview_id) as interview_id,
        count() as question_count,
        arraySort(groupArray((order_index, question_id))) as in_order
    from {{ ref('stg_oltp__questions') }}
    where interview_id is not null
    group by interview_id
),

begun as (
    select * from {{ ref('stg_oltp__candidate_sessions') }} where {{ among }}
),

sessions as (
    select
        begun.session_id as session_id,
        begun.interview_id as interview_id,
        interviews.user_id as user_id,
        if(ifNull(begun.candidate_email, '') = '', '', hex(sipHash128(lower(assumeNotNull(begun.candidate_email))))) as candidate_key,
        begun.session_status as session_status,
        begun.started_at as started_at,
        begun.completed_at as completed_at,
        answers.response_ids as response_ids,
        answers.response_count as response_count,
        questions.question_count as question_count,
        questions.in_order as questions_in_order,
        answers.answered_question_count as answered_question_count,
        answers.first_answer_at as first_answer_at,
        answers.last_answer_at as last_answer_at,
        answers.answered_seconds as answered_seconds,
        ifNull(answers.last_answer_at, begun.started_at) as last_activity_at,
        arrayFirst(question -> not has(answers.answered_question_ids, question.2), questions.in_order) as next_question,
        question_count > answered_question_count as is_question_left
    from begun
    left join {{ ref('stg_oltp__interviews') }} as interviews on interviews.interview_id = begun.interview_id
    left join answers on answers.session_id = begun.session_id
    left join questions on questions.interview_id = begun.interview_id
)
{%- endmacro %}


{#- How a session stands. The product marks it as abandoned or leaves it in progress for good; what
    nobody has touched for `abandoned_after_hours` counts as abandoned either way. -#}
{% macro outcome_of_session(given_up_before) -%}
multiIf(
    completed_at is not null, 'completed',
    session_status = 'abandoned' or last_activity_at < {{ given_up_before }}, 'abandoned',
    'in_progress'
)
{%- endmacro %}
