{#- Listed, not looked up: dbt reads the dependencies from the text. -#}
{%- set captured = [
    'users', 'roles', 'user_roles', 'interviews', 'questions', 'interview_templates',
    'candidate_sessions', 'candidate_responses', 'media_files', 'processing_jobs',
    'analysis_results', 'ai_models', 'subscription_plans', 'subscriptions', 'usage_tracking',
    'event_store',
] -%}
{%- set received = ['user_events', 'interview_metrics', 'api_metrics'] -%}
{% for table in captured %}
select '{{ table }}' as name, max(_captured_at) as data_until
from {{ source('oltp_log', table) }}
union all
{% endfor %}
{%- for table in received %}
select '{{ table }}' as name, max(received_at) as data_until
from {{ source('analytics', table) }}
{%- if not loop.last %}
union all
{%- endif %}
{% endfor %}
