"""The run's state machine: pure and deterministic, no clock, no I/O."""
