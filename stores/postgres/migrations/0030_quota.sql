-- The ledger of quotas. What was used is in usage_tracking, one row for each consumption or
-- committed reservation, under the id of that operation; here is what stands beside it.

-- One row per counter. `epoch` fences whoever was admitted by a counter that was since lost and
-- counted anew: an operation is recorded only under the epoch that it was admitted in.
CREATE TABLE platform.quota_counters (
    user_id UUID NOT NULL REFERENCES users(id) ON DELETE CASCADE,
    resource_type VARCHAR(50) NOT NULL,
    month DATE NOT NULL,
    epoch BIGINT NOT NULL DEFAULT 1,
    counted_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    PRIMARY KEY (user_id, resource_type, month)
);

CREATE TABLE platform.quota_reservations (
    id UUID PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES users(id) ON DELETE CASCADE,
    subscription_id UUID REFERENCES subscriptions(id) ON DELETE SET NULL,
    resource_type VARCHAR(50) NOT NULL,
    -- The day it was made; it counts in that day's month, whenever it is committed.
    date DATE NOT NULL,
    amount INTEGER NOT NULL CHECK (amount > 0),
    committed_amount INTEGER CHECK (committed_amount BETWEEN 1 AND amount),
    state VARCHAR(20) NOT NULL DEFAULT 'held'
        CHECK (state IN ('held', 'committed', 'released', 'expired')),
    ttl_seconds INTEGER NOT NULL CHECK (ttl_seconds > 0),
    created_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    expires_at TIMESTAMPTZ NOT NULL,
    settled_at TIMESTAMPTZ,
    CHECK ((state = 'committed') = (committed_amount IS NOT NULL))
);
CREATE INDEX quota_reservations_held ON platform.quota_reservations (user_id, resource_type, date)
    WHERE state = 'held';
CREATE INDEX ON platform.quota_reservations (subscription_id);

-- Thresholds that were reached, once each: written with the usage that reached them, told later.
CREATE TABLE platform.quota_notices (
    user_id UUID NOT NULL REFERENCES users(id) ON DELETE CASCADE,
    resource_type VARCHAR(50) NOT NULL,
    month DATE NOT NULL,
    threshold_percent SMALLINT NOT NULL,
    used_count BIGINT NOT NULL,
    limit_count BIGINT NOT NULL,
    plan_name VARCHAR(100) NOT NULL,
    reached_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    told_at TIMESTAMPTZ,
    PRIMARY KEY (user_id, resource_type, month, threshold_percent)
);
CREATE INDEX quota_notices_untold ON platform.quota_notices (reached_at) WHERE told_at IS NULL;

-- A month is added up from the index alone.
CREATE INDEX usage_tracking_counted_idx ON usage_tracking (user_id, resource_type, date)
    INCLUDE (count);
