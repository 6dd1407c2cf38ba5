"""The platform's heart: state machine, schedules, store, broker, sync, and the services that join them."""
