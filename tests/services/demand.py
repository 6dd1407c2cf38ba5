"""What a test that needs a service gets: the service, or a verdict with the reason."""

import os
from typing import NoReturn

import pytest

from tests.services.errors import ServiceUnavailableError
from tests.services.lifecycle import find


def demand(name: str) -> str:
    """Give the URL of a service that answers; without one the test is skipped, or fails where CI=true."""
    try:
        return find(name)
    except ServiceUnavailableError as error:
        reason = str(error)
    return do_without(reason)


def do_without(reason: str) -> NoReturn:
    """End the test for want of a service: nobody may take a run in CI for complete that was not."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
