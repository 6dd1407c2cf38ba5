"""What a thousand workflow tests cost, offline: `python -m tests.bench.bench_rehearsal`, seconds for all of them.

A hundred files with ten tests each: a graph of six tasks with a fan-out, a retry of days, an approval and hooks. Files
are written before the clock starts; loading, checking, playing and comparing are timed.
"""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from dsl.testfile import test_files
from engine.rehearsal import Suite
from tests.bench.measure import Measure

FILES, CASES, REPEATS = 100, 10, 3
TARGET_SECONDS = 5

WORKFLOW = """\
name: bench-{number}
inputs: {{rows: {{type: integer, default: 100}}}}
timeout: 7d
tasks:
  extract:
    run: ./extract.sh
    outputs: {{rows: integer, parts: array}}
    retry: {{max_attempts: 3, delay: 1d}}
  load:
    needs: [extract]
    for_each: tasks.extract.outputs.parts
    run: ./load.sh "$PART"
    env: {{PART: "${{{{ item }}}}"}}
    outputs: {{seconds: integer}}
  total: {{needs: [load], set: {{rows: "${{{{ tasks.extract.outputs.rows * 2 }}}}"}}, outputs: {{rows: integer}}}}
  ask: {{needs: [total], if: tasks.total.outputs.rows > 100, approval: {{message: Publish?, timeout: 2h}}}}
  publish:
    needs: [total, ask]
    if: "!failure()"
    run: ./publish.sh
    env: {{N: "${{{{ tasks.total.outputs.rows }}}}"}}
on_failure:
  tell: {{run: ./tell.sh}}
finally:
  tidy: {{run: ./tidy.sh}}
"""
CASE = """\
  case-{number}:
    mocks:
      extract: [{{exit_code: 1}}, {{outputs: {{rows: {rows}, parts: [a, b, c]}}, duration: 20s}}]
      load: {{outputs: {{seconds: 3}}, duration: 3s}}
      ask: {{approved: true, duration: 10m}}
    expect:
      state: succeeded
      order: [extract, load, publish, tidy]
      tasks:
        extract: {{attempts: 2}}
        load: {{items: 3}}
        publish: {{env: {{N: "{twice}"}}}}
        tell: pending
"""


def write(folder: Path) -> None:
    """Write the files that are measured."""
    for number in range(FILES):
        (folder / f"w{number:03}.yaml").write_text(WORKFLOW.format(number=number))
        cases = (CASE.format(number=case, rows=case * 20, twice=case * 40) for case in range(CASES))
        (folder / f"w{number:03}.test.yaml").write_text("tests:\n" + "".join(cases))


def seconds() -> Sequence[float]:
    """Return how long a thousand tests take, each time with nothing loaded."""
    samples = []
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        write(folder)
        for _ in range(REPEATS):
            begun = time.perf_counter()
            suite = Suite()
            passed = sum(case.passed for case in suite.play(test_files([folder])))
            samples.append(time.perf_counter() - begun)
            assert passed == FILES * CASES, [case.told for case in suite.report.cases if not case.passed][:1]
    return samples


def measures() -> list[Measure]:
    """Return the measures of this module."""
    return [Measure("1,000 workflow tests in 100 files, offline", "s", TARGET_SECONDS, seconds)]


if __name__ == "__main__":
    print(f"{FILES * CASES:,} workflow tests: {median(seconds()):.2f} s")
