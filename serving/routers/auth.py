"""Signing in over HTTP: addresses, shapes and status codes.

Belongs here: those. What happens is in `serving.identity.sign_in`. No answer and no log line holds
a password, or a token that was mailed; an answer with tokens is kept by no cache.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI, Path, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from serving.database import pool_of
from serving.identity.passwords import LENGTH_AT_LEAST, LENGTH_LIMIT
from serving.identity.sign_in import SignedIn, SignIn
from serving.problems import Problem, documented
from serving.security import Principal, not_found, require_user
from serving.small_json import SmallJson
from stores.postgres.accounts import Registration
from stores.redis_store.keys import SESSION_SECONDS
from stores.settings import load_settings

DEVICE_LENGTH_LIMIT = 200
_EMAIL = r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$"
_NO_CONTROL = r"^[^\x00-\x1f\x7f]*$"
_EMAIL_EXAMPLE = "ada@example.com"
_PASSWORD_EXAMPLE = "correct horse battery staple"  # noqa: S105  an example
_TOKEN_EXAMPLE = "p3T1h6mQw0y1VQnJ8xkq2mXj8b9rYwQmN4u0aZcVd5E"  # noqa: S105  likewise
_REFRESH_EXAMPLE = f"idr_{_TOKEN_EXAMPLE}"
_SENT = "Whatever the address: a mail tells its owner how to go on."


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Close what the first requests opened."""
    yield
    if hasattr(app.state, "sign_in"):
        await app.state.sign_in.close()


router = APIRouter(prefix="/v1/auth", tags=["sign-in"], route_class=SmallJson, lifespan=lifespan)

Email = Annotated[
    str,
    StringConstraints(max_length=254, pattern=_EMAIL),
    Field(description="Upper and lower case are the same.", examples=[_EMAIL_EXAMPLE]),
]
# Bounded here as well, so that nobody makes the hash work on megabytes.
Password = Annotated[
    str,
    StringConstraints(min_length=1, max_length=LENGTH_LIMIT),
    Field(examples=[_PASSWORD_EXAMPLE]),
]
NewPassword = Annotated[
    str,
    StringConstraints(min_length=LENGTH_AT_LEAST, max_length=LENGTH_LIMIT),
    Field(
        description="No common word, no row of digits or keys, not the address.",
        examples=[_PASSWORD_EXAMPLE],
    ),
]
DeviceName = Annotated[
    str,
    StringConstraints(max_length=DEVICE_LENGTH_LIMIT, pattern=_NO_CONTROL),
    Field(description="By default what the browser says it is.", examples=["Ada's phone"]),
]
OneLine = Annotated[str, StringConstraints(max_length=255, pattern=_NO_CONTROL)]
Token = Annotated[
    str,
    StringConstraints(min_length=1, max_length=255),
    Field(examples=[_TOKEN_EXAMPLE]),
]
RefreshText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=255),
    Field(description="Works once: every refresh gives another.", examples=[_REFRESH_EXAMPLE]),
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


def _example(**values: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [values]})


class NewUser(_Body):
    """Who registers."""

    model_config = _example(
        email=_EMAIL_EXAMPLE, password=_PASSWORD_EXAMPLE, full_name="Ada Lovelace"
    )

    email: Email
    password: NewPassword
    full_name: OneLine | None = Field(None, examples=["Ada Lovelace"])
    company_name: OneLine | None = Field(None, examples=["Analytical Engines"])


class MailedToken(_Body):
    """What a mail holds."""

    model_config = _example(token=_TOKEN_EXAMPLE)

    token: Token


class Credentials(_Body):
    """Who signs in, and with which device."""

    model_config = _example(email=_EMAIL_EXAMPLE, password=_PASSWORD_EXAMPLE, device="Ada's phone")

    email: Email
    password: Password
    device: DeviceName = ""


class Refresh(_Body):
    """The refresh token of a device."""

    model_config = _example(refresh_token=_REFRESH_EXAMPLE)

    refresh_token: RefreshText


class SignOut(_Body):
    """Whose session ends."""

    model_config = _example(refresh_token=_REFRESH_EXAMPLE, all_devices=False)

    refresh_token: RefreshText
    all_devices: bool = Field(False, strict=True, description="End every session of the user.")


class ResetRequest(_Body):
    """Whose password is to be another."""

    model_config = _example(email=_EMAIL_EXAMPLE)

    email: Email


class ResetConfirm(_Body):
    """The other password, and the token that the mail held."""

    model_config = _example(token=_TOKEN_EXAMPLE, password=_PASSWORD_EXAMPLE)

    token: Token
    password: NewPassword


class MailSent(BaseModel):
    """The same for every address."""

    status: Literal["mail_sent"] = Field("mail_sent", description=_SENT)


class Tokens(BaseModel):
    """What a device keeps."""

    access_token: str = Field(
        description="A JWT (EdDSA); `/.well-known/jwks.json` has the keys to check it.",
        examples=["eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCJ9.e30.c2lnbmF0dXJl"],
    )
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  the name of a scheme
    expires_in: int = Field(description="Seconds until the access token ends.", examples=[600])
    refresh_token: str = Field(examples=[_REFRESH_EXAMPLE])
    refresh_expires_in: int = Field(
        description="Seconds until the device is signed out, unless it refreshes before.",
        examples=[SESSION_SECONDS],
    )
    scope: str = Field(
        description="What the user's roles allow.", examples=["interviews:read usage:read"]
    )


class Device(BaseModel):
    """Where the user is signed in."""

    session_id: UUID
    device: str = Field(examples=["Ada's phone"])
    created_at: datetime
    last_activity: datetime = Field(description="When tokens were last given out.")
    expires_at: datetime
    is_current: bool = Field(description="The one that asks.")


class Devices(BaseModel):
    """The one used last first."""

    sessions: list[Device]


async def sign_in_of(request: Request) -> SignIn:
    """The application's. Raises Problem 503 where it is not set up."""
    state = request.app.state
    if not hasattr(state, "sign_in"):
        settings = load_settings()
        if settings.auth_secret is None:
            raise Problem(
                503,
                "Nobody can sign in: AUTH_SECRET is not set. API keys work.",
                kind="sign-in-not-set-up",
            )
        state.sign_in = SignIn(pool_of(request.app), settings)
    found: SignIn = state.sign_in
    return found


Service = Annotated[SignIn, Depends(sign_in_of)]
User = Annotated[Principal, Depends(require_user)]
_REFUSALS = (400, 413, 415, 422, 503, "sign-in-not-set-up")


@router.post(
    "/register",
    status_code=202,
    summary="Register",
    responses=documented(*_REFUSALS, "too-many-attempts"),
)
async def register(request: Request, wanted: NewUser, service: Service) -> MailSent:
    """The answer is the same for an address that is registered: its owner is told by mail.

    The user is given the role of AUTH_DEFAULT_ROLE.
    """
    registration = Registration(wanted.email, "", wanted.full_name, wanted.company_name)
    await service.register(registration, wanted.password, _client(request))
    return MailSent()


@router.post(
    "/verify-email",
    status_code=204,
    summary="Verify an address",
    responses=documented(*_REFUSALS, "one-time-token-refused"),
)
async def verify_email(given: MailedToken, service: Service) -> None:
    """With the token that was mailed. It works once, within a day."""
    await service.verify_email(given.token)


@router.post(
    "/login",
    summary="Sign a device in",
    responses=documented(
        *_REFUSALS,
        "wrong-credentials",
        "address-not-verified",
        "account-not-active",
        "too-many-attempts",
    ),
)
async def login(request: Request, given: Credentials, service: Service) -> Tokens:
    """Wrong address and wrong password are answered the same, after the same time.

    Ten attempts for an account, or a hundred from one address, within a quarter of an hour are
    answered 429. Without Redis nobody signs in: 503.
    """
    device = given.device or _device(request)
    signed_in = await service.log_in(given.email, given.password, device, _client(request))
    return _tokens(signed_in)


@router.post(
    "/refresh",
    summary="Get new tokens",
    responses=documented(
        *_REFUSALS, "refresh-token-refused", "refresh-token-reused", "refresh-token-raced"
    ),
)
async def refresh(given: Refresh, service: Service) -> Tokens:
    """The token given works no more. If it is sent again, its session ends for both who have it.

    Of two requests with the same token at the same time one gets tokens and the other 409; within
    ten seconds that ends nothing.
    """
    return _tokens(await service.refresh(given.refresh_token))


@router.post(
    "/logout", status_code=204, summary="Sign a device out", responses=documented(*_REFUSALS)
)
async def logout(given: SignOut, service: Service) -> None:
    """Also of a session that has ended before. Its access token works until it ends by itself."""
    await service.log_out(given.refresh_token, everywhere=given.all_devices)


@router.post(
    "/password-reset",
    status_code=202,
    summary="Ask for another password",
    responses=documented(*_REFUSALS, "too-many-attempts"),
)
async def request_reset(request: Request, given: ResetRequest, service: Service) -> MailSent:
    """The answer is the same for an address that is not registered."""
    await service.request_reset(given.email, _client(request))
    return MailSent()


@router.post(
    "/password-reset/confirm",
    status_code=204,
    summary="Set another password",
    responses=documented(*_REFUSALS, "one-time-token-refused"),
)
async def confirm_reset(given: ResetConfirm, service: Service) -> None:
    """With the token that was mailed, which works once, within a day. Every session ends."""
    await service.reset_password(given.token, given.password)


@router.get(
    "/sessions",
    summary="List where you are signed in",
    responses=documented(401, 403, 429, 503, "sign-in-not-set-up"),
)
async def list_sessions(user: User, service: Service) -> Devices:
    """Of the user whose access token it is."""
    found = await service.sessions(user.id)
    return Devices(
        sessions=[
            Device(
                session_id=each.id,
                device=each.device,
                created_at=each.created_at,
                last_activity=each.last_activity,
                expires_at=each.expires_at,
                is_current=each.id == user.session_id,
            )
            for each in found
        ]
    )


@router.delete(
    "/sessions",
    status_code=204,
    summary="Sign out everywhere",
    responses=documented(401, 403, 429, 503, "sign-in-not-set-up"),
)
async def end_sessions(user: User, service: Service) -> None:
    """Access tokens work until they end by themselves, within ten minutes."""
    await service.end_sessions(user.id)


@router.delete(
    "/sessions/{session_id}",
    status_code=204,
    summary="Sign one device out",
    responses=documented(401, 403, 404, 422, 429, 503, "sign-in-not-set-up"),
)
async def end_session(
    user: User, service: Service, session_id: Annotated[UUID, Path(description="As listed.")]
) -> None:
    """404 where it is none of the user's."""
    if not await service.end_session(user.id, session_id):
        raise not_found("session")


def _tokens(signed_in: SignedIn) -> Tokens:
    return Tokens(
        access_token=signed_in.access.text,
        expires_in=signed_in.access.seconds,
        refresh_token=signed_in.refresh.text,
        refresh_expires_in=SESSION_SECONDS,
        scope=" ".join(sorted(signed_in.scopes)),
    )


def _client(request: Request) -> str:
    """Who is counted. Behind a proxy this is the proxy, unless uvicorn is told to trust it."""
    return f"address:{request.client.host if request.client else ''}"


def _device(request: Request) -> str:
    said = request.headers.get("user-agent", "unknown")
    return "".join(part for part in said if part.isprintable())[:DEVICE_LENGTH_LIMIT]
