"""The words of backfills. Here, where nothing else is loaded with them: the command line reads them too."""

from enum import StrEnum
from typing import Final

PARALLEL_MAX: Final = 100
"""Runs of one backfill at once."""


class Policy(StrEnum):
    """Which times of its range a backfill runs. What is queued or running is left alone by all of them."""

    MISSING = "missing"
    """Times for which nothing ran: there was no run, or only one that was skipped."""
    FAILED = "failed"
    """Those, and times whose newest run failed or was cancelled."""
    ALL = "all"
    """Every time, also those that succeeded."""


class BackfillState(StrEnum):
    """How a backfill stands."""

    RUNNING = "running"
    """It makes runs, or has runs on their way."""
    PAUSED = "paused"
    """It makes no runs; those on their way go on."""
    FINISHED = "finished"
    """All its times are decided, and all its runs have ended, however they did."""
    CANCELLED = "cancelled"
    """It was given up."""


class Why(StrEnum):
    """Why a time is run, or is not."""

    MISSING = "missing"
    """Nothing ran for it."""
    FAILED = "failed"
    """Its newest run failed or was cancelled."""
    SUCCEEDED = "succeeded"
    """Its newest run succeeded."""
    ON_ITS_WAY = "on_its_way"
    """It has a run that is queued or running."""
    UPCOMING = "upcoming"
    """The schedule itself is about to fire it: what becomes of that is waited for."""
