"""Injects faults into a running fleet, records the history of its clients, and judges it."""
