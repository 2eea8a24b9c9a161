"""What a service bears: counted at the receiver, never timed against a bound."""
