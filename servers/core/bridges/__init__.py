"""Standing subscriptions to other services, exactly once in effect."""
