"""Secrets: set, deleted, listed by name, encrypted afresh. No answer ever holds a value."""

from typing import Annotated

from litestar import Router, delete, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter

from api.dependencies import Injected
from api.parameters import PAGE_SIZE, Cursor, Limit, page, refused
from api.problems import RESPONSES
from api.schemas.secrets import Rotated, Secret, SecretPage, SecretValue
from engine.store.secrets import list_secrets

Namespace = Annotated[str, QueryParameter(description="Where the secret belongs; empty: to the whole installation.")]
OneNamespace = Annotated[str | None, QueryParameter(name="namespace", description="Only those of this namespace.")]


@get("/", sync_to_thread=True, responses=RESPONSES, operation_id="listSecrets", summary="List secrets")
def list_all(
    services: Injected, namespace: OneNamespace = None, limit: Limit = PAGE_SIZE, cursor: Cursor = None
) -> SecretPage:
    """List secrets by namespace and name, with version and times. Values cannot be read."""
    with services.database.read() as connection:
        found = list_secrets(connection, namespace, after=_place(cursor), limit=limit + 1)
    rows, more = page(found, limit)
    last = f"{rows[-1].namespace}/{rows[-1].name}" if more else None
    return SecretPage(items=[Secret.of(row) for row in rows], next=last)


@put("/{name:str}", sync_to_thread=True, responses=RESPONSES, operation_id="setSecret", summary="Set a secret")
def set_secret(
    services: Injected, name: FromPath[str], data: JSONBody[SecretValue], namespace: Namespace = ""
) -> Secret:
    """Set a secret, or give it a new value. Attempts that are claimed from now on see it."""
    return Secret.of(services.secrets.put(namespace, name, data.value))


@delete("/{name:str}", sync_to_thread=True, responses=RESPONSES, operation_id="deleteSecret", summary="Delete a secret")
def delete_secret(services: Injected, name: FromPath[str], namespace: Namespace = "") -> None:
    """Delete a secret. Attempts that name it fail from now on, unless a parent namespace has one of that name."""
    services.secrets.delete(namespace, name)


@post("/rotate", status_code=200, sync_to_thread=True, responses=RESPONSES, operation_id="rotateSecrets")
def rotate(services: Injected) -> Rotated:
    """Encrypt all secrets afresh with the first key; then the other keys can be taken away."""
    return Rotated(rotated=services.secrets.rotate())


def _place(cursor: str | None) -> tuple[str, str] | None:
    if cursor is None:
        return None
    namespace, slash, name = cursor.partition("/")
    if not slash:
        raise refused("query.cursor", f"{cursor!r} is not a cursor", "take it from `next` of the page before")
    return namespace, name


ROUTER = Router("/secrets", tags=["secrets"], route_handlers=[list_all, set_secret, delete_secret, rotate])
