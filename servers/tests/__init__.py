"""Unit tests of the services and their core."""
