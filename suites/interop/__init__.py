"""Clients that others wrote, unchanged, against each of the services."""
