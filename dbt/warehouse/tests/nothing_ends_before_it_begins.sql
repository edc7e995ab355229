-- Sessions, answers, files, jobs and periods whose end is before their beginning, by model.
select 'fct_candidate_sessions' as model_name, toString(session_id) as row_key, started_at as began_at, completed_at as ended_at
from {{ ref('fct_candidate_sessions') }}
where completed_at < started_at
union all
select 'fct_media_files', toString(media_file_id), processing_started_at, processing_completed_at
from {{ ref('fct_media_files') }}
where processing_completed_at < processing_started_at
union all
select 'fct_processing_jobs', toString(processing_job_id), started_at, completed_at
from {{ ref('fct_processing_jobs') }}
where completed_at < started_at
union all
select 'fct_subscription_periods', toString(subscription_period_id), began_at, ended_at
from {{ ref('fct_subscription_periods') }}
where ended_at < began_at
