"""The seven services, the core that they share, and the client of them all."""
