-- What AI models said of a session, and the models.
CREATE TABLE analysis_results (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    interview_id UUID REFERENCES interviews(id) NOT NULL,
    session_id UUID REFERENCES candidate_sessions(id) NOT NULL,
    media_file_id UUID REFERENCES media_files(id),
    transcription_text TEXT,
    confidence_score FLOAT,
    sentiment_analysis JSONB,
    keywords JSONB,
    skills_assessment JSONB,
    overall_score FLOAT,
    ai_model_version VARCHAR(50),
    processing_cost_usd DECIMAL(10,4),
    created_at TIMESTAMPTZ DEFAULT NOW()
);

CREATE TABLE ai_models (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    name VARCHAR(100) NOT NULL,
    version VARCHAR(50) NOT NULL,
    type VARCHAR(50) NOT NULL, -- 'transcription', 'analysis', 'sentiment'
    config JSONB NOT NULL,
    is_active BOOLEAN DEFAULT true,
    cost_per_request DECIMAL(10,4),
    created_at TIMESTAMPTZ DEFAULT NOW()
);

CREATE INDEX idx_analysis_results_interview ON analysis_results(interview_id);
CREATE INDEX idx_analysis_results_session ON analysis_results(session_id);
CREATE INDEX idx_analysis_results_score ON analysis_results(overall_score);
