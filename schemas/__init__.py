"""The JSON Schemas: data only."""
