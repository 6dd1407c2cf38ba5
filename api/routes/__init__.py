"""The handlers, a module for each resource. Each is a plain function, carried out in a thread."""
