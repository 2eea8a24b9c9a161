"""From start to end: readiness, drain, reload, heartbeat, starts that are refused."""
