"""Text to workflow: load, validate, check, compile, explain. Pure: reads files, knows nothing of the rest."""
