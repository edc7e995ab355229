"""The topics of the event bus, and the table in which each kind of event lands.

Belongs here: names. The shape of an event is in `contracts.py`.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Topic:
    """One named log. `table` and `id_column` say where its events are counted, by what id."""

    name: str
    table: str
    id_column: str

    @property
    def dead_letters(self) -> str:
        """The topic for what of this one could not be handled."""
        return f"{self.name}.dead-letters"


USER_EVENTS = Topic("user-events", "analytics.user_events", "event_id")
INTERVIEW_METRICS = Topic("interview-metrics", "analytics.interview_metrics", "metric_id")
API_METRICS = Topic("api-metrics", "analytics.api_metrics", "request_id")
# Facts of the aggregates in PostgreSQL; kept in order, not landed in an analytics table.
DOMAIN_EVENTS = Topic("domain-events", "", "")

ANALYTICS_TOPICS = (USER_EVENTS, INTERVIEW_METRICS, API_METRICS)
TOPICS = (*ANALYTICS_TOPICS, DOMAIN_EVENTS)
DEAD_LETTER_TABLE = "platform.dead_letters"
