"""Several replicas of each service, with one log."""
