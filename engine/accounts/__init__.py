"""Who asks, and what they may do: accounts, roles in namespaces, tokens, log-ins."""
