"""What every service shares; it names no service."""
