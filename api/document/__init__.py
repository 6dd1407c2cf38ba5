"""The OpenAPI document: what the framework derives from the handlers, and what they cannot say."""
