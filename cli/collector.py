"""Python's collector of cycles, in a process that runs for long: what is loaded stays, so it is not looked at again."""

import gc

YOUNG_MAX = 10_000
"""Objects made before the youngest are looked at: a batch of messages makes a few thousand, and next to no cycles."""


def rest_while_loading() -> None:
    """Look at nothing while the program is loaded, which makes many objects and no garbage."""
    gc.disable()


def settle() -> None:
    """Take what is there as there to stay, and look at what comes."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_MAX, 20, 20)
    gc.enable()
