-- Answers kept for a day under the key that a client chose, so that a request sent again is answered
-- again and not done again. Here and not in Redis: what changed money or a quota must not be done
-- twice because a cache was lost. Not captured.
CREATE TABLE platform.idempotent_requests (
    owner TEXT NOT NULL,
    route TEXT NOT NULL,
    key VARCHAR(255) NOT NULL,
    fingerprint BYTEA NOT NULL CHECK (octet_length(fingerprint) = 32),
    -- Whoever works on it; a later claim takes another, so that a late answer is not kept.
    claim UUID NOT NULL,
    claimed_until TIMESTAMPTZ NOT NULL,
    -- Null while it is being worked on.
    status SMALLINT,
    headers JSONB,
    body BYTEA,
    expires_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (owner, route, key)
);

CREATE INDEX idx_idempotent_requests_expires_at ON platform.idempotent_requests (expires_at);
