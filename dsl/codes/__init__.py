"""Every diagnostic's code: what it means, an example that is wrong and one that is right.

Codes are stable: one is never given another meaning. `E` refuses a workflow, `W` warns. `docs/diagnostics.md` and
`chronoverse explain CODE` are made from here, and a test proves each example.
"""

from dsl.codes.entry import Code
from dsl.codes.registry import CODES, code

__all__ = ["CODES", "Code", "code"]
