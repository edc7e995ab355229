-- A key may be one tenant's, may be rotated while the former one goes on for a while, and knows
-- when it was last used.
ALTER TABLE platform.api_keys
    -- No foreign key: a key ends with its user, but a TRUNCATE of users must not empty this table.
    ADD COLUMN user_id UUID,
    ADD COLUMN previous_hash BYTEA UNIQUE CHECK (octet_length(previous_hash) = 32),
    ADD COLUMN previous_until TIMESTAMPTZ,
    ADD COLUMN last_used_at TIMESTAMPTZ;

CREATE INDEX ON platform.api_keys (user_id) WHERE user_id IS NOT NULL;
