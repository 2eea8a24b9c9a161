"""Test runs, coverage, and quality gates over what was measured."""
