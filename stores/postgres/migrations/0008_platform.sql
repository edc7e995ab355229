-- What the platform itself keeps beside the product's tables. Not captured.
CREATE SCHEMA IF NOT EXISTS platform;

-- A key is kept as the SHA-256 of its 256 random bits; it can be checked, not read back.
CREATE TABLE platform.api_keys (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    name VARCHAR(100) UNIQUE NOT NULL,
    key_hash BYTEA UNIQUE NOT NULL CHECK (octet_length(key_hash) = 32),
    scopes TEXT[] NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    expires_at TIMESTAMPTZ,
    revoked_at TIMESTAMPTZ
);

-- What a loader has brought in, and by how many weeks it moved the times,
-- so that a second load of the same input gives the same rows.
CREATE TABLE platform.loads (
    source_id UUID PRIMARY KEY,
    kind VARCHAR(50) NOT NULL,
    source_name TEXT NOT NULL,
    shift_weeks INTEGER NOT NULL,
    parameters JSONB NOT NULL DEFAULT '{}',
    report JSONB NOT NULL DEFAULT '{}',
    loaded_at TIMESTAMPTZ NOT NULL DEFAULT NOW()
);
