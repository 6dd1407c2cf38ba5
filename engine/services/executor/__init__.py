"""The executor: the only writer of run state. Events in, the machine decides, one commit, then the rest."""

from engine.services.executor.executor import Executor

__all__ = ["Executor"]
