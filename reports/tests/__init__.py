"""Unit tests of the reports, on hand-written runs."""
