"""The application's connections to PostgreSQL, as a dependency: one pool for every router.

Belongs here: making it when it is first needed, and closing it. What is asked belongs to `stores`.
"""

from fastapi import FastAPI, Request

from stores.postgres.pool import AsyncPool


async def of_application(request: Request) -> AsyncPool:
    """The pool."""
    return pool_of(request.app)


def pool_of(app: FastAPI) -> AsyncPool:
    """The pool, where there is no request."""
    if not hasattr(app.state, "postgres"):
        app.state.postgres = AsyncPool()
    return app.state.postgres  # type: ignore[no-any-return]  # state is untyped


async def close_of_application(app: FastAPI) -> None:
    """Close the pool where one was made."""
    made: AsyncPool | None = getattr(app.state, "postgres", None)
    if made is not None:
        await made.close()
