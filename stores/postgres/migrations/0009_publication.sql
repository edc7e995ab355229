-- What change capture reads: the fifteen tables of the product, and the event store.
CREATE PUBLICATION interview_data FOR TABLE
    users,
    roles,
    user_roles,
    interviews,
    questions,
    interview_templates,
    candidate_sessions,
    candidate_responses,
    media_files,
    processing_jobs,
    analysis_results,
    ai_models,
    subscription_plans,
    subscriptions,
    usage_tracking,
    event_store;
