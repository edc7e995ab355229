-- What keeps the cache of interviews fresh: its own, small piece of the log.
CREATE PUBLICATION interview_cache FOR TABLE interviews, questions;

-- A question that is deleted, or moved to another interview, tells which interview it was of.
ALTER TABLE questions REPLICA IDENTITY FULL;
