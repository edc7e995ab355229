-- Candidate sessions and the responses recorded in them.
CREATE TABLE candidate_sessions (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    interview_id UUID REFERENCES interviews(id) NOT NULL,
    candidate_email VARCHAR(255),
    candidate_name VARCHAR(255),
    status VARCHAR(20) DEFAULT 'in_progress',
    started_at TIMESTAMPTZ DEFAULT NOW(),
    completed_at TIMESTAMPTZ,
    user_agent TEXT,
    ip_address INET,
    metadata JSONB DEFAULT '{}'
);

CREATE TABLE candidate_responses (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    session_id UUID REFERENCES candidate_sessions(id) ON DELETE CASCADE,
    question_id UUID REFERENCES questions(id) NOT NULL,
    media_file_id UUID, -- Reference to media service
    duration_seconds INTEGER,
    recorded_at TIMESTAMPTZ DEFAULT NOW(),
    metadata JSONB DEFAULT '{}'
);

CREATE INDEX idx_candidate_sessions_interview ON candidate_sessions(interview_id);
CREATE INDEX idx_candidate_sessions_status ON candidate_sessions(status);
CREATE INDEX idx_candidate_responses_session ON candidate_responses(session_id);
