"""Which tasks must have ended before another starts, for graphs of thousands of tasks."""

from collections.abc import Mapping, Sequence


class Ancestry:
    """Answers whether one task is upstream of another.

    A task's ancestors are the bits of one integer, worked out once and only for what is asked about: a chain of 5,000
    tasks that all look at its first costs milliseconds. Needs that are unknown or go in a circle are left out (they
    have diagnostics of their own).
    """

    def __init__(self, needs: Mapping[str, Sequence[str]]) -> None:
        self._needs = needs
        self._bits = {name: 1 << number for number, name in enumerate(needs)}
        self._ancestors: dict[str, int] = {}

    def has(self, task_id: str, other: str) -> bool:
        """Whether `other` is an ancestor of `task_id`; both are tasks of the graph."""
        if task_id not in self._ancestors:
            self._work_out(task_id)
        return self._ancestors[task_id] & self._bits[other] != 0

    def _work_out(self, task_id: str) -> None:
        """Work out a task after all that it needs, without recursion."""
        entered: set[str] = set()
        stack = [task_id]
        while stack:
            name = stack[-1]
            needs = [need for need in self._needs[name] if need in self._bits]
            waiting = [need for need in needs if need not in self._ancestors and need not in entered]
            if name in entered or not waiting:
                stack.pop()
                self._ancestors[name] = self._union(needs)
            else:
                stack.extend(waiting)
            entered.add(name)

    def _union(self, needs: Sequence[str]) -> int:
        ancestors = 0
        for need in needs:
            ancestors |= self._bits[need] | self._ancestors.get(need, 0)
        return ancestors
