-- Interviews, their questions, and templates to make them from.
CREATE TABLE interviews (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    title VARCHAR(255) NOT NULL,
    description TEXT,
    created_by UUID REFERENCES users(id) NOT NULL,
    status VARCHAR(20) DEFAULT 'draft',
    public_link_token UUID UNIQUE DEFAULT gen_random_uuid(),
    expires_at TIMESTAMPTZ,
    settings JSONB DEFAULT '{}',
    created_at TIMESTAMPTZ DEFAULT NOW(),
    updated_at TIMESTAMPTZ DEFAULT NOW()
);

CREATE TABLE questions (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    interview_id UUID REFERENCES interviews(id) ON DELETE CASCADE,
    text TEXT NOT NULL,
    type VARCHAR(20) NOT NULL, -- 'video', 'audio'
    order_index INTEGER NOT NULL,
    time_limit_seconds INTEGER DEFAULT 120,
    is_required BOOLEAN DEFAULT true,
    created_at TIMESTAMPTZ DEFAULT NOW()
);

CREATE TABLE interview_templates (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    name VARCHAR(255) NOT NULL,
    description TEXT,
    created_by UUID REFERENCES users(id) NOT NULL,
    questions JSONB NOT NULL,
    is_public BOOLEAN DEFAULT false,
    created_at TIMESTAMPTZ DEFAULT NOW()
);

CREATE INDEX idx_interviews_created_by ON interviews(created_by);
CREATE INDEX idx_interviews_status ON interviews(status);
CREATE INDEX idx_interviews_public_link ON interviews(public_link_token);
CREATE INDEX idx_questions_interview_id ON questions(interview_id);
CREATE INDEX idx_questions_order ON questions(interview_id, order_index);
