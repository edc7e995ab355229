-- Signing in: the keys that access tokens are signed with, and the mail that is to be sent.

-- Shared by every worker and host of the API. A private key is sealed with AUTH_SECRET. A new key is
-- published before it signs, and a former one for as long as tokens live that it signed.
CREATE TABLE platform.signing_keys (
    kid TEXT PRIMARY KEY,
    public_key BYTEA NOT NULL CHECK (octet_length(public_key) = 32),
    sealed_private_key BYTEA NOT NULL,
    signs_from TIMESTAMPTZ NOT NULL,
    verifies_until TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL DEFAULT NOW()
);

-- What a mailer takes. Not captured, unlike the event store: a token in it opens an account, and is
-- sealed with AUTH_SECRET.
CREATE TABLE platform.mail_outbox (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    kind TEXT NOT NULL,
    recipient VARCHAR(255) NOT NULL,
    sealed_token BYTEA,
    created_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    expires_at TIMESTAMPTZ NOT NULL
);

CREATE INDEX ON platform.mail_outbox (created_at);

-- Whoever signs in writes the address in upper or lower case.
CREATE INDEX ON users (lower(email));
