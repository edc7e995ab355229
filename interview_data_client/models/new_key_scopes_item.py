from enum import StrEnum


class NewKeyScopesItem(StrEnum):
    ADMIN = "admin"
    AGGREGATESREAD = "aggregates:read"
    AGGREGATESWRITE = "aggregates:write"
    ANALYTICSREAD = "analytics:read"
    EVENTSBACKFILL = "events:backfill"
    EVENTSREAD = "events:read"
    EVENTSWRITE = "events:write"
    INTERVIEWSREAD = "interviews:read"
    MEDIAWRITE = "media:write"
    QUOTACONSUME = "quota:consume"
    SEARCHREAD = "search:read"
    USAGEREAD = "usage:read"
    WEBHOOKSMANAGE = "webhooks:manage"

    def __str__(self) -> str:
        return str(self.value)
