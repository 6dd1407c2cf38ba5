"""What the API takes and gives. Every type here has a name in the OpenAPI document."""
