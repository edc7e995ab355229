-- Who lands events, and what was begun: shared by all writers, whichever event bus there is.

-- The right to do something for a while: to read a partition, or to be a member at all.
CREATE TABLE platform.event_leases (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    held_until TIMESTAMPTZ NOT NULL
);

-- One row per topic. Whoever holds the turn asks the table which ids it has, and inserts: one at a
-- time, whatever the number of writers and partitions. The note is written before an insert and
-- says which; it and the turn are one row, so that nobody writes a note out of turn.
CREATE TABLE platform.event_landings (
    topic TEXT PRIMARY KEY,
    holder TEXT,
    held_until TIMESTAMPTZ,
    note BYTEA,
    is_settled BOOLEAN NOT NULL DEFAULT TRUE,
    inserted_at TIMESTAMPTZ,
    landed_count BIGINT NOT NULL DEFAULT 0,
    duplicate_count BIGINT NOT NULL DEFAULT 0,
    conflict_count BIGINT NOT NULL DEFAULT 0,
    dead_letter_count BIGINT NOT NULL DEFAULT 0
);

-- How far something that reads in order has come, as a number of its own kind.
CREATE TABLE platform.event_cursors (
    name TEXT PRIMARY KEY,
    position NUMERIC(39) NOT NULL,
    moved_at TIMESTAMPTZ NOT NULL DEFAULT NOW()
);
