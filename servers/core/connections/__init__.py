"""One client after another: from the upgrade to the close, its requests, its limits."""
