"""Checks over all files of a source at once: children, triggers on other workflows. Linear in what is there."""

from dsl.together.atlas import Atlas, Known
from dsl.together.check import check_together
from dsl.together.moves import cannot_move
from dsl.together.references import References, references

__all__ = ["Atlas", "Known", "References", "cannot_move", "check_together", "references"]
