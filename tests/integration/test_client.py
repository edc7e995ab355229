"""The typed client: as new as the document, and good for a round of the API."""

import uuid
from datetime import UTC, datetime

import httpx
from fix_interviews import Interviewing, build_operational_models

from interview_data.client_generator import DIGEST, digest, document
from interview_data_client import AuthenticatedClient, Client
from interview_data_client.api.events import take_user_events
from interview_data_client.api.health import healthz
from interview_data_client.api.interviews import list_interviews, read_interview
from interview_data_client.models import (
    Interview,
    InterviewOverviews,
    Problem,
    Receipt,
    TakeUserEventsUserEvent,
)


def test_the_client_is_made_of_the_document_as_it_is_now() -> None:
    assert DIGEST.read_text().strip() == digest(document()), "run `make client`"


def test_the_client_reads_and_writes_with_types(
    reads: httpx.Client, interviewing: Interviewing
) -> None:
    build_operational_models(interviewing)
    interview = interviewing.make("Typed")
    url = str(reads.base_url)
    key = interviewing.key("typed", ["interviews:read", "events:write"])["Authorization"][7:]
    with Client(base_url=url) as anybody:
        assert healthz.sync(client=anybody) is not None
    with AuthenticatedClient(base_url=url, token=key, timeout=httpx.Timeout(60)) as client:
        found = read_interview.sync(interview, client=client)
        assert isinstance(found, Interview)
        assert (found.title, len(found.questions)) == ("Typed", 2)
        assert found.created_at is not None
        missing = read_interview.sync(uuid.uuid4(), client=client)
        assert isinstance(missing, Problem)
        assert missing.type_ == "/problems/not-found"
        listed = list_interviews.sync(interviewing.user_id, client=client, limit=1)
        assert isinstance(listed, InterviewOverviews)
        assert listed.interviews[0].question_count == 2
        event = TakeUserEventsUserEvent(
            event_id=uuid.uuid4(),
            user_id=interviewing.user_id,
            event_type="page_view",
            session_id=uuid.uuid4(),
            timestamp=datetime.now(UTC),
        )
        receipt = take_user_events.sync(client=client, body=[event])
        assert isinstance(receipt, Receipt)
        assert receipt.accepted_count == 1
