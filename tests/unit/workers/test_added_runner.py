"""A runner that an installed package adds is offered by a worker and carries out what the loader lets through."""

from pathlib import Path

import pytest

from workers.config import WorkerConfig
from workers.runners.interface import Attempt, StopToken
from workers.runners.registry import runners

PLUGIN = Path(__file__).parents[2] / "plugins" / "sums"


class Said:
    """Keeps the lines."""

    full = False

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, stream: object, data: bytes) -> None:
        raise AssertionError

    def line(self, stream: object, text: str, at: object = None, position: str = "") -> None:
        self.lines.append(text)


class NoJournal:
    """Keeps nothing."""

    def begin(self) -> None: ...

    def process(self, pid: int, started: str, boot_id: str) -> None: ...

    def container(self, name: str) -> None: ...


def test_an_installed_kind_is_offered_and_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(str(PLUGIN))
    offered = runners(WorkerConfig(worker_id="w", state_dir=tmp_path, kinds=("sum",)))
    attempt = Attempt(name="x", claim_id="c", kind="sum", spec={"of": [1, 2]}, env={}, journal=NoJournal())
    said = Said()
    result = offered["sum"].run(attempt, said, StopToken())
    assert (list(offered), result.outputs, said.lines) == (["sum"], {"total": 3}, ["adding 2 numbers"])


def test_a_package_that_cannot_be_loaded_costs_its_own_kind_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("sums", "broken"):
        monkeypatch.syspath_prepend(str(PLUGIN.parent / name))
    offered = runners(WorkerConfig(worker_id="w", state_dir=tmp_path))
    assert "sum" in offered
    assert "cannot be loaded: its kind is not offered" in caplog.text
