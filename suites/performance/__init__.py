"""The load that a service carries: counted at the receiver, never timed against a bound."""
