"""The examples of docs/events.md, run as written."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from api.dependencies import Dependencies
from api.server import ApiServer
from engine.keyring import Keyring
from tests.contract.sync.world import MemorySource, World, workflow
from tests.stack import Stack

PAGE = Path("docs/events.md").read_text(encoding="utf-8")


def test_the_examples_work_as_written(tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    with Stack(tmp_path) as stack:
        world = World(stack.database)
        world.source = MemorySource(name="folder")
        world.sync(hello=workflow("hello", "every: 1s"))
        world.clock.forward(seconds=2)
        world.fire()
        given = Dependencies(database=stack.database, broker=stack.broker, keyring=Keyring([bytes(32)]))
        server = ApiServer(given, host="127.0.0.1", port=0)
        server.start()
        try:
            done = [_run(block, server.url) for block in re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)]
        finally:
            server.stop()
    assert [each.stderr for each in done] == ["", "", ""]
    shown, streamed, webhooks = (each.stdout for each in done)
    assert "run.created" in shown
    assert "default/hello" in shown
    assert "event: end" in streamed
    assert "whsec_" in webhooks
    assert "mailto:data@example.com" in webhooks
    assert webhooks.endswith("ops is removed\n")


def _run(script: str, url: str) -> subprocess.CompletedProcess[str]:
    command = f"set -euo pipefail\nchronoverse() {{ '{Path(sys.executable).parent}/chronoverse' \"$@\"; }}\n{script}"
    environ = {**os.environ, "API": url, "CHRONOVERSE_API_URL": url}
    return subprocess.run(["bash", "-c", command], env=environ, capture_output=True, text=True, check=False, timeout=60)
