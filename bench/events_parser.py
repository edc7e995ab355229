"""What `bench/events.py` compares the API with: endpoints that parse a body and do nothing else."""

import orjson
from fastapi import FastAPI, Request
from fastapi.responses import Response

app = FastAPI()


@app.post("/parse")
async def parse(request: Request) -> Response:
    """By the standard library, as `request.json()` does."""
    events = await request.json()
    return Response(orjson.dumps({"count": len(events)}), 202, media_type="application/json")


@app.post("/parse-fastest")
async def parse_fastest(request: Request) -> Response:
    """By orjson."""
    events = orjson.loads(await request.body())
    return Response(orjson.dumps({"count": len(events)}), 202, media_type="application/json")
