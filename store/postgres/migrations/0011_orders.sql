-- The orders of lists by blast radius and last use, both of which change seldom enough: the former when a token is judged, the latter
-- when uses are stored, once in several seconds. Neither speaks of whether a token is revoked or paused.
CREATE INDEX marks_by_reach ON marks (reach, token_id) WHERE reach > 0;
CREATE INDEX token_uses_by_time ON token_uses (last_used_at, token_id) WHERE last_used_at > 0;
