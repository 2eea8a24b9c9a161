"""Servers that are wrong in one thing, a module for each area; `suites.meta.inject` defines what a mutant is."""
