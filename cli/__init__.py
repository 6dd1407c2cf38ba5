"""The `chronoverse` command: a thin face over the rest."""
