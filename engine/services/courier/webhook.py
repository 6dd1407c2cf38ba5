"""A notice as an HTTP request."""

from typing import Final

import httpx

from engine.services.courier.failures import NotTakenError, UndeliverableError
from engine.services.courier.messages import webhook_body
from engine.store.notices import NoticeRow

TIMEOUT_SECONDS: Final = 20.0


def post(url: str, headers: dict[str, str], notice: NoticeRow) -> None:
    """Post the document. Any answer of 2xx is a success; redirects are not followed.

    Raises `UndeliverableError` for an address that cannot be posted to, `NotTakenError` for whatever may pass.
    """
    own = {"Chronoverse-Event": notice.event, "Chronoverse-Delivery": str(notice.id)}
    try:
        answer = httpx.post(
            url, json=webhook_body(notice.payload), headers={**own, **headers}, timeout=TIMEOUT_SECONDS, trust_env=False
        )
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError) as error:
        raise UndeliverableError(f"its address is none that can be posted to: {error}") from error
    except httpx.HTTPError as error:
        raise NotTakenError(str(error) or type(error).__name__) from error
    if not answer.is_success:
        raise NotTakenError(f"the receiver answered {answer.status_code}")
