"""Events and answers to connections: subscriptions, fan-out, catching up, and what waits for a peer."""
