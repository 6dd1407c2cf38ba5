"""The runner of docs/runners.md is one, and does what the page says."""

import re
from pathlib import Path
from typing import Any

import pytest

from workers.config import WorkerConfig
from workers.runners.interface import Attempt, Runner, RunnerError, StopToken

PAGE = Path(__file__).parents[3] / "docs" / "runners.md"


class Sink:
    full = False

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, stream: str, data: bytes) -> None:
        self.lines.append(data.decode())

    def line(self, stream: str, text: str, at: Any = None, position: str = "") -> None:
        self.lines.append(text)


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    module: dict[str, Any] = {}
    exec(compile(code, str(PAGE), "exec"), module)
    made: Runner = module["SumRunner"](WorkerConfig(worker_id="w", state_dir=tmp_path))
    return made


def attempt(**spec: Any) -> Attempt:
    return Attempt(name=f"{'0' * 36}-0:1", claim_id="c", kind="sum", spec=spec, env={}, journal=None)  # type: ignore[arg-type]


def test_it_is_a_runner_and_adds(runner: Runner) -> None:
    sink = Sink()
    assert isinstance(runner, Runner)
    result = runner.run(attempt(of=[1, 2, 3]), sink, StopToken())
    assert (result.state, result.outputs, sink.lines) == ("succeeded", {"total": 6}, ["adding 3 numbers"])


def test_it_raises_what_the_page_says(runner: Runner) -> None:
    with pytest.raises(RunnerError, match="must hold numbers"):
        runner.run(attempt(of=["x"]), Sink(), StopToken())
