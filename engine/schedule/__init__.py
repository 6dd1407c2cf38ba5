"""When triggers fire: pure."""
