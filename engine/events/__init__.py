"""What happened, told to those outside: the kinds of events, what one says, and which of them somebody wants."""

from engine.events.happening import CHOICES, EventKind, Happening
from engine.events.wanted import Wanted

__all__ = ["CHOICES", "EventKind", "Happening", "Wanted"]
