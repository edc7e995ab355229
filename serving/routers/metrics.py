"""`/metrics`, for Prometheus.

Belongs here: the address. What is measured is in `serving.metrics`.
"""

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from serving import metrics
from serving.problems import documented
from serving.security import require_scope

MEDIA_TYPE = "text/plain; version=1.0.0; charset=utf-8"

router = APIRouter(tags=["health"])


@router.get(
    "/metrics",
    summary="What the API measures of itself, for Prometheus",
    dependencies=[Depends(require_scope("analytics:read", of_platform=True))],
    response_class=Response,
    responses=documented(401, 403, 429, 503)
    | {
        200: {
            "content": {
                "text/plain": {
                    "schema": {"type": "string"},
                    "example": 'api_request_seconds_count{method="GET",route="/healthz",'
                    'status="2xx"} 12.0\n',
                }
            }
        }
    },
)
async def read_metrics(request: Request) -> Response:
    """Needs the scope `analytics:read`: Prometheus sends it as `authorization` of its job."""
    state = request.app.state
    metrics.RUNNING.set(state.limits.running_count)
    metrics.UNMEASURED.set(state.recorder.dropped_count)
    return Response(metrics.exposition(state.settings), media_type=MEDIA_TYPE)
