"""Every example of docs/api.md, run as written."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from api.dependencies import Dependencies
from api.problems import KINDS
from api.server import ApiServer
from tests.contract.sync.world import MemorySource, World
from tests.stack import Stack

PAGE = Path("docs/api.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_examples_work_as_written(tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    with Stack(tmp_path) as stack:
        world = World(stack.database)
        world.source = MemorySource(name="folder")
        world.sync(hello=blocks("yaml")[0])
        server = ApiServer(Dependencies(database=stack.database, broker=stack.broker), host="127.0.0.1", port=0)
        server.start()
        try:
            script = "set -euo pipefail\nbetween() { printf '\\n===\\n'; }\n" + "".join(map(_separated, blocks("bash")))
            done = subprocess.run(
                ["bash", "-c", script],
                env={**os.environ, "API": server.url},
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
        finally:
            server.stop()
    assert done.returncode == 0, done.stderr
    answers = [answer.strip() for answer in done.stdout.split("\n===\n")]
    assert any('"text":"hello you"' in answer and "event: end" in answer for answer in answers)
    problems = [json.loads(answer) for answer in answers if answer.startswith('{"type"')]
    assert [problem["status"] for problem in problems] == [400]


def _separated(block: str) -> str:
    joined = block.replace("\\\n", " ")
    return "".join(f"{line}\nbetween\n" for line in joined.splitlines() if line.strip())


def test_the_page_lists_every_type_of_problem() -> None:
    for kind in set(KINDS.values()):
        assert f"`{kind.name}`" in PAGE
