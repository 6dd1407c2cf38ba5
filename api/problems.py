"""Every way a request can fail, in one table, and as what it is answered (RFC 9457).

A type is `urn:chronoverse:problem:<name>` and never changes its meaning. No answer carries a traceback: what is not
expected is logged here, and answered with a name to look for in the log.
"""

import logging
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import EnumMeta
from typing import Any, Final

import msgspec
from litestar import Request, Response
from litestar.exceptions import (
    ClientException,
    HTTPException,
    MethodNotAllowedException,
    NotFoundException,
    SerializationException,
    ValidationException,
)
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.openapi import ResponseSpec
from litestar.params import ParameterKwarg
from litestar.typing import FieldDefinition

from api.schemas.problems import FieldFault, Problem
from engine.accounts.log_ins import ThrottledError
from engine.accounts.service import InvalidAccountError
from engine.artifacts import ArtifactError
from engine.broker.interface import BrokerError
from engine.keyring import KeyringError
from engine.services.declared_sources import InvalidDeclarationError
from engine.services.refusals import ConflictError, InvalidInputsError, InvalidRangeError, KeyReusedError, UnknownError
from engine.services.secrets import SecretError
from engine.services.webhooks.registry import WebhookError
from engine.signed_requests import BodyError, UnsignedError
from engine.store.errors import RetryableError, StoreError

log = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/problem+json"
BODY_BYTES_MAX: Final = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: the last part of its type, its status, and its title."""

    name: str
    status: int
    title: str


@dataclass(slots=True)
class RefusedError(Exception):
    """A request that this layer itself refuses."""

    kind: Kind
    detail: str
    faults: list[FieldFault] = field(default_factory=list)


BAD_PARAMETER: Final = Kind("bad-parameter", 400, "A parameter of the request is wrong")
BAD_BODY: Final = Kind("bad-body", 400, "The body is not what it should be")
INVALID_BODY: Final = Kind("invalid-body", 422, "The body does not fit its schema")
NOT_FOUND: Final = Kind("not-found", 404, "There is no such thing")
FORBIDDEN_ORIGIN: Final = Kind("forbidden-origin", 403, "The request comes from elsewhere")
NOT_AUTHENTICATED: Final = Kind("not-authenticated", 401, "The request does not say who sends it")
FORBIDDEN: Final = Kind("forbidden", 403, "The caller may not do that")
INTERNAL: Final = Kind("internal-error", 500, "The server failed")

KINDS: Final[Mapping[type[Exception], Kind]] = {
    UnknownError: NOT_FOUND,
    ConflictError: Kind("conflict", 409, "The present state does not allow it"),
    InvalidInputsError: Kind("invalid-inputs", 422, "The inputs do not fit"),
    InvalidRangeError: Kind("invalid-range", 422, "The range of time cannot be taken"),
    BodyError: BAD_BODY,
    InvalidDeclarationError: Kind("invalid-source", 422, "The source cannot be declared so"),
    UnsignedError: Kind("unsigned", 401, "The request is not signed as it should be"),
    InvalidAccountError: Kind("invalid-account", 422, "The account cannot be so"),
    ThrottledError: Kind("too-many-tries", 429, "Too many passwords were wrong"),
    KeyringError: Kind("no-key", 503, "There is no key to keep secrets with"),
    SecretError: Kind("invalid-secret", 422, "The secret cannot be kept"),
    WebhookError: Kind("invalid-webhook", 422, "The webhook cannot be declared so"),
    KeyReusedError: Kind("idempotency-key-reused", 422, "The idempotency key was used for another request"),
    RetryableError: Kind("unavailable", 503, "The database cannot be had now"),
    ArtifactError: Kind("no-artifact", 503, "The store of artifacts does not give it"),
    StoreError: Kind("unavailable", 503, "The database cannot be had now"),
    BrokerError: Kind("unavailable", 503, "The broker cannot be had now"),
    RequestEntityTooLarge: Kind("too-large", 413, "The body is too large"),
    SerializationException: BAD_BODY,
    ValidationException: BAD_PARAMETER,
    MethodNotAllowedException: Kind("method-not-allowed", 405, "The method is not allowed here"),
    NotFoundException: NOT_FOUND,
    ClientException: BAD_BODY,
}
"""The one table; the first entry that an exception is an instance of counts."""


_DESCRIBED: Final = {400: "A parameter or the body is wrong", 404: "There is no such thing", 422: "It does not fit"}
RESPONSES: Final = {
    status: ResponseSpec(Problem, description=text, media_type=MEDIA_TYPE, generate_examples=False)
    for status, text in _DESCRIBED.items()
}
"""What every operation may answer besides, for the OpenAPI document."""


def answer(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """Return the answer to a request that failed with `error`."""
    kind, detail, faults = _described(request, error)
    problem = Problem(
        type=f"urn:chronoverse:problem:{kind.name}",
        title=kind.title,
        status=kind.status,
        detail=detail,
        instance=request.url.path,
        errors=faults,
    )
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    if kind.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, ThrottledError):
        headers["Retry-After"] = str(error.seconds)
    if kind.status == 503:
        headers["Retry-After"] = "1"
    return Response(problem, status_code=kind.status, media_type=MEDIA_TYPE, headers=headers)


def _described(request: Request[Any, Any, Any], error: Exception) -> tuple[Kind, str, list[FieldFault]]:
    if isinstance(error, RefusedError):
        return error.kind, error.detail, error.faults
    if isinstance(error, RecursionError) and "deserializing" in str(error):
        return BAD_BODY, "the body is nested too deep\n  hint: no request needs more than a few levels", []
    kind = next((kind for known, kind in KINDS.items() if isinstance(error, known)), INTERNAL)
    if kind is INTERNAL:
        return kind, _logged(request, error), []
    if isinstance(error, ValidationException):
        return _invalid(request, error)
    if isinstance(error, InvalidInputsError):
        faults = [FieldFault(place=f"body.inputs.{fault.name}", message=fault.message) for fault in error.faults]
        return kind, str(error), faults
    if isinstance(error, InvalidDeclarationError):
        faults = [FieldFault(place=f"body.{place}", message=text, hint=hint) for place, text, hint in error.faults]
        return kind, str(error), faults
    if isinstance(error, NotFoundException):
        return kind, f"there is nothing at {request.url.path}\n  hint: /schema lists every path", []
    if isinstance(error, RequestEntityTooLarge):
        return kind, f"a body holds at most {_body_bytes_max(request)} bytes", []
    if isinstance(error, MethodNotAllowedException):
        return kind, f"{request.method} is not allowed at {request.url.path}\n  hint: /schema lists every method", []
    if isinstance(error, HTTPException):
        hint = "\n  hint: send JSON in UTF-8, or no body at all" if kind is BAD_BODY else ""
        return kind, f"{error.detail}{hint}", []
    return kind, str(error), []


def _body_bytes_max(request: Request[Any, Any, Any]) -> int:
    return request.route_handler.resolve_request_max_body_size() or BODY_BYTES_MAX


def _logged(request: Request[Any, Any, Any], error: Exception) -> str:
    name = uuid.uuid4().hex[:12]
    log.error("%s %s failed [%s]", request.method, request.url.path, name, exc_info=error)
    return f"the request failed for a reason of the server's own; its log has it under {name}"


def _invalid(request: Request[Any, Any, Any], error: ValidationException) -> tuple[Kind, str, list[FieldFault]]:
    faults = list(_faults(request, error))
    body = any(fault.place.startswith("body") for fault in faults)
    kind = INVALID_BODY if body else BAD_PARAMETER
    places = ", ".join(fault.place for fault in faults)
    return kind, f"{kind.title.lower()}: {places}" if places else error.detail, faults


def _faults(request: Request[Any, Any, Any], error: ValidationException) -> Iterator[FieldFault]:
    """Say each place as the caller wrote it: the body's fields from its root, parameters by their own names."""
    for entry in error.extra or []:
        if not isinstance(entry, dict):
            continue
        key, message = str(entry.get("key", "")), str(entry.get("message", ""))
        definition = request.route_handler.parsed_fn_signature.parameters.get(key.partition(".")[0])
        if entry.get("source") == "body":
            key = key.removeprefix("data")
            yield FieldFault(place=f"body.{key}".rstrip("."), message=message, hint=_fields_of(request))
            continue
        declared = definition.kwarg_definition if definition is not None else None
        source, name = "query", key
        if isinstance(declared, ParameterKwarg):
            source, name = declared.param_type.value, declared.name or key
        yield FieldFault(place=f"{source}.{name}", message=message, hint=_allowed(definition))


def _allowed(definition: FieldDefinition | None) -> str:
    """Return what a parameter may be, where it is one of a few names."""
    if definition is None:
        return ""
    for annotation in (definition.annotation, *(inner.annotation for inner in definition.inner_types)):
        for found in (annotation, *getattr(annotation, "__args__", ())):
            if isinstance(found, EnumMeta):
                return f"one of {', '.join(map(str, found.__members__.values()))}"
    return ""


def _fields_of(request: Request[Any, Any, Any]) -> str:
    """Return which fields the body may have."""
    body = request.route_handler.parsed_fn_signature.parameters["data"]
    for annotation in (body.annotation, *(inner.annotation for inner in body.inner_types)):
        if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
            return f"its fields are: {', '.join(annotation.__struct_encode_fields__)}"
    return ""


def encoded(kind: Kind, detail: str, instance: str) -> bytes:
    """Return a problem document for what is refused before there is a request to answer."""
    problem = Problem(
        type=f"urn:chronoverse:problem:{kind.name}",
        title=kind.title,
        status=kind.status,
        detail=detail,
        instance=instance,
    )
    return msgspec.json.encode(problem)
