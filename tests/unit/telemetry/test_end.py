"""The end of a process waits for a collector, and not for ever."""

import threading

from engine.telemetry.otlp import in_time


def test_all_ends_are_called_at_once_and_a_slow_one_is_left_behind() -> None:
    release, called = threading.Event(), []
    both = threading.Barrier(2, timeout=20)

    def slow() -> None:
        both.wait()
        release.wait(20)

    def broken() -> None:
        both.wait()
        called.append("broken")
        raise OSError("no collector")

    in_time([slow, broken], seconds=0.2)
    release.set()
    assert called == ["broken"]
