"""When triggers fire: pure, from the trigger and the moments that are passed in.

A *nominal* time is the one that the schedule names, in UTC; jitter delays the firing, never the nominal time.
"""

from engine.schedule.backfill import past_times
from engine.schedule.catchup import Due, Settled, Verdict, due, next_times
from engine.schedule.firing import Firing, fires_between, first_fire, latest_fire, next_fire
from engine.schedule.jitter import jitter_offset

__all__ = [
    "Due",
    "Firing",
    "Settled",
    "Verdict",
    "due",
    "fires_between",
    "first_fire",
    "jitter_offset",
    "latest_fire",
    "next_fire",
    "next_times",
    "past_times",
]
