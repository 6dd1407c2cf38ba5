"""What the services do on a machine without their packages, with a stand-in for apt-get: nothing is installed."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services import ServiceUnavailableError, lifecycle, packages, postgres
from tests.services.place import Kind

APT = """#!/bin/sh
echo "$DEBIAN_FRONTEND $* policy=$(cat "$POLICY" 2>/dev/null | tr '\\n' ' ')" >> "$CALLS"
echo "a line of apt's"
case "$*" in *"$FAILS_ON"*) echo "E: it does not work"; exit 100;; esac
"""


class Machine:
    """A machine whose apt-get writes down what it is asked for."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.policy, self.calls = directory / "policy-rc.d", directory / "calls"
        self.programs = directory / "bin"
        self.programs.mkdir()
        self._monkeypatch = monkeypatch
        apt = self.programs / "apt-get"
        apt.write_text(APT)
        apt.chmod(0o755)
        monkeypatch.setenv("PATH", f"{self.programs}:{os.environ['PATH']}")
        monkeypatch.setenv("POLICY", str(self.policy))
        monkeypatch.setenv("CALLS", str(self.calls))
        monkeypatch.setattr(packages, "POLICY", self.policy)
        self.user(0)
        self.fails_on("nothing of this name")
        packages._update.cache_clear()

    def user(self, number: int) -> None:
        self._monkeypatch.setattr(os, "geteuid", lambda: number)

    def fails_on(self, word: str) -> None:
        self._monkeypatch.setenv("FAILS_ON", word)

    def asked(self) -> list[str]:
        return self.calls.read_text().splitlines() if self.calls.exists() else []


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    yield Machine(tmp_path, monkeypatch)
    packages._update.cache_clear()


def test_the_lists_are_read_once_and_nothing_is_started_meanwhile(machine: Machine) -> None:
    packages.install(["postgresql"])
    packages.install(["docker.io", "busybox-static"])
    update, first, second = machine.asked()
    assert update.startswith("noninteractive -q -o DPkg::Lock::Timeout=300 update ")
    assert "install --yes --no-install-recommends postgresql policy=#!/bin/sh exit 101" in first
    assert "install --yes --no-install-recommends docker.io busybox-static policy=#!/bin/sh exit 101" in second
    assert not machine.policy.exists()


@pytest.mark.parametrize("fails_on", ["update", "install"])
def test_a_failure_says_what_apt_said_and_leaves_the_machines_policy_as_it_was(machine: Machine, fails_on: str) -> None:
    machine.policy.write_text("#!/bin/sh\nexit 0\n")
    machine.policy.chmod(0o700)
    machine.fails_on(fails_on)
    with pytest.raises(ServiceUnavailableError, match=r"exited with 100:\na line of apt's\nE: it does not work"):
        packages.install(["postgresql"])
    assert machine.policy.read_text() == "#!/bin/sh\nexit 0\n"
    assert stat.S_IMODE(machine.policy.stat().st_mode) == 0o700


def test_lists_that_could_not_be_read_are_read_again(machine: Machine) -> None:
    machine.fails_on("update")
    with pytest.raises(ServiceUnavailableError):
        packages.install(["postgresql"])
    machine.fails_on("nothing of this name")
    packages.install(["postgresql"])
    assert [" update " in line for line in machine.asked()] == [True, True, False]


@pytest.mark.parametrize("why", ["not root", "no apt"])
def test_where_nothing_can_be_installed_the_packages_are_named(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    if why == "not root":
        machine.user(1000)
    else:
        monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ServiceUnavailableError, match=r"not installed: docker\.io busybox-static; hint: "):
        packages.install(["docker.io", "busybox-static"])
    assert machine.asked() == []


@pytest.mark.parametrize(("present", "error"), [([True], ""), ([False, True], ""), ([False, False], "not found after")])
def test_what_is_there_is_not_installed_and_what_is_installed_is_looked_for(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, present: list[bool], error: str
) -> None:
    answers = iter(present)
    kind = Kind(
        name="postgres",
        variable="CHRONOVERSE_TEST_DATABASE_URL",
        packages=("postgresql",),
        installed=lambda: next(answers),
        check=lambda _: None,
        start=lambda _: "",
    )
    monkeypatch.setitem(lifecycle.KINDS, "postgres", kind)
    outcome = lifecycle._installed("postgres")
    assert error in str(outcome.error or "")
    assert bool(outcome.error) == bool(error)
    assert bool(machine.asked()) == (present != [True])


def test_the_newest_server_is_found_where_debian_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    assert postgres.programs(tmp_path) is None
    for version in ("9.6", "15", "common"):
        (tmp_path / version / "bin").mkdir(parents=True)
        (tmp_path / version / "bin" / "initdb").touch()
    (tmp_path / "16" / "bin").mkdir(parents=True)  # a client alone
    assert postgres.programs(tmp_path) == tmp_path / "15" / "bin"
