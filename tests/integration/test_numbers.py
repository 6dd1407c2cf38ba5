"""What one run leaves in the numbers of the engine and of its worker."""

from pathlib import Path

from dsl.loader import load_text
from engine.telemetry import instruments
from tests.e2e.processes import until
from tests.recorded import Recorded
from tests.stack import Stack

TEXT = "name: said\ntasks:\n  say: {run: 'echo one; echo two; exit 3'}\n"


def test_one_run_counts_everywhere_once(tmp_path: Path) -> None:
    names = ("RUN_DURATION", "TASK_DURATION", "ATTEMPT_DURATION", "WORKER_ATTEMPT_DURATION", "CLAIM_DURATION")
    ended = {name: Recorded(getattr(instruments, name)) for name in names}
    lines, batches, writes = (
        Recorded(each) for each in (instruments.LOG_LINES, instruments.BATCH_SIZE, instruments.LOG_WRITE_DURATION)
    )
    with Stack(tmp_path) as stack:
        runs = stack.submit(load_text(TEXT, "said.yaml").workflows[0].workflow)
        assert stack.wait(runs) == ["failed"]
        until(lambda: lines.total() >= 2, 30, "the lines are written")
    found = {name: {values: n for values, (n, _) in each.since().items()} for name, each in ended.items()}
    assert found == {
        "RUN_DURATION": {("failed", "task_failed"): 1},
        "TASK_DURATION": {("run", "failed", "exit"): 1},
        "ATTEMPT_DURATION": {("run", "default", "failed", "exit"): 1},
        "WORKER_ATTEMPT_DURATION": {("run", "failed", "exit"): 1},
        "CLAIM_DURATION": {("granted",): 1},
    }
    assert lines.total() == 2
    assert 1 <= writes.number() <= 2
    assert batches.total() >= 3, "a wake, a claim, a result"
