-- An export tells the reasons that a person gave, as staff too: events alone hold them, and know who acted.
CREATE OR REPLACE VIEW recorded_events AS
SELECT event_id, command_id, aggregate_kind, aggregate_id, name, payload, actor, at FROM log
UNION ALL
SELECT event_id, command_id, aggregate_kind, aggregate_id, name, payload, actor, at FROM outbox;

CREATE INDEX log_reasons_by_actor ON log (actor) WHERE name IN ('post.hidden', 'comment.hidden', 'order.cancelled');
