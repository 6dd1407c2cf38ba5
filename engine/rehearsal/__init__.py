"""Workflows tested like code: the real state machine in simulated time, with given results instead of workers."""

from engine.rehearsal.cases import Outcome, rehearse
from engine.rehearsal.comparison import Problem
from engine.rehearsal.coverage import Coverage
from engine.rehearsal.suite import CaseReport, Report, Suite

__all__ = ["CaseReport", "Coverage", "Outcome", "Problem", "Report", "Suite", "rehearse"]
