"""A connection from its upgrade to its close: its session, its requests, its limits."""
