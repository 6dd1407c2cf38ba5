"""The loops that join machine, store and broker."""
