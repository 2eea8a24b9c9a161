"""Servers that are wrong in one thing, each registered by its own presence; `registry` says what a file holds."""
