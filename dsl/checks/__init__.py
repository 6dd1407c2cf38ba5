"""What can be known to be wrong beyond the shape: one module a group, each a function from a subject to faults."""

from dsl.checks.registry import check
from dsl.checks.subject import Subject

__all__ = ["Subject", "check"]
