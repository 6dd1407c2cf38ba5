"""All codes, by themselves."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from dsl.codes.entry import Code
from dsl.codes.expressions import EXPRESSIONS
from dsl.codes.files import FILES, UNREADABLE
from dsl.codes.running import RUNNING
from dsl.codes.shape import SHAPE
from dsl.codes.tasks import TASKS
from dsl.codes.testing import TESTING
from dsl.codes.together import AT_SYNC, IN_FOLDERS, TOGETHER
from dsl.codes.workflows import WORKFLOWS

CODES: Final[Mapping[str, Code]] = MappingProxyType(
    {
        item.code: item
        for item in sorted(
            (
                *FILES,
                UNREADABLE,
                *SHAPE,
                *WORKFLOWS,
                *TASKS,
                *RUNNING,
                *EXPRESSIONS,
                *TOGETHER,
                *IN_FOLDERS,
                *AT_SYNC,
                *TESTING,
            ),
            key=lambda item: item.code[1:],
        )
    }
)
"""Every code, in the order of its number."""


def code(name: str) -> Code:
    """Return what is known about a code, however its letter is written. Raises `KeyError` for one that is not known."""
    return CODES[name.strip().upper()]
