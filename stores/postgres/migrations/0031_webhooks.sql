-- Where customers want to be told, what they are told, and how that went.
CREATE TABLE platform.webhook_endpoints (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    -- Whose events it gets; NULL: everybody's, for a service of the platform.
    user_id UUID REFERENCES users(id) ON DELETE CASCADE,
    url TEXT NOT NULL CHECK (length(url) <= 2000),
    description VARCHAR(255) NOT NULL DEFAULT '',
    event_types TEXT[] NOT NULL,
    -- Messages are signed with it, so it is kept, sealed; it is shown once and never again.
    sealed_secret BYTEA NOT NULL,
    is_active BOOLEAN NOT NULL DEFAULT TRUE,
    created_at TIMESTAMPTZ NOT NULL DEFAULT NOW()
);
CREATE INDEX ON platform.webhook_endpoints (user_id);

CREATE TABLE platform.webhook_deliveries (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    endpoint_id UUID NOT NULL REFERENCES platform.webhook_endpoints(id) ON DELETE CASCADE,
    -- The event's id in event_store; one delivery of it to an endpoint, however often it is tried.
    event_id UUID NOT NULL,
    event_type VARCHAR(100) NOT NULL,
    body TEXT NOT NULL,
    state VARCHAR(20) NOT NULL DEFAULT 'pending'
        CHECK (state IN ('pending', 'delivered', 'dead')),
    attempt_count INTEGER NOT NULL DEFAULT 0,
    -- Of the present series: a replay begins another.
    tries_left INTEGER NOT NULL,
    next_attempt_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    created_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    finished_at TIMESTAMPTZ,
    UNIQUE (endpoint_id, event_id)
);
CREATE INDEX webhook_deliveries_due ON platform.webhook_deliveries (next_attempt_at)
    WHERE state = 'pending';
CREATE INDEX webhook_deliveries_newest
    ON platform.webhook_deliveries (endpoint_id, created_at DESC, id DESC);

CREATE TABLE platform.webhook_attempts (
    delivery_id UUID NOT NULL REFERENCES platform.webhook_deliveries(id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    attempted_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    duration_ms INTEGER NOT NULL,
    status_code INTEGER,
    problem TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (delivery_id, number)
);
