"""One process a state directory."""

import os
from pathlib import Path

import pytest

from engine.store.errors import AlreadyRunningError, StoreError
from engine.store.locking import embedded_lock


def test_a_second_is_refused_and_told_who_is_first(tmp_path: Path) -> None:
    state = tmp_path / "new" / "state"
    with embedded_lock(state):
        with pytest.raises(AlreadyRunningError, match=rf"process {os.getpid()} already runs on .*\n  hint: "):
            embedded_lock(state).__enter__()
        with embedded_lock(tmp_path / "other"):
            pass
    with embedded_lock(state):
        pass


def test_a_lock_file_without_its_process_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("999999")
    with embedded_lock(tmp_path):
        assert (tmp_path / "lock").read_text() == str(os.getpid())


def test_the_refusal_is_one_of_the_stores() -> None:
    assert issubclass(AlreadyRunningError, StoreError)
