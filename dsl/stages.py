"""The keys of a document under which tasks stand."""

from typing import Final

MAIN: Final = "tasks"
"""The main tasks; those of the other stages run when these have ended."""

STAGES: Final = (MAIN, "on_failure", "on_success", "finally")
