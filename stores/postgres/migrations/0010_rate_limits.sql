-- A key may have limits of its own; without them those of the settings hold.
ALTER TABLE platform.api_keys
    ADD COLUMN requests_per_minute INTEGER CHECK (requests_per_minute > 0),
    -- A batch of 10,000 events must fit, or it could never be sent.
    ADD COLUMN events_per_minute INTEGER CHECK (events_per_minute >= 10000);
