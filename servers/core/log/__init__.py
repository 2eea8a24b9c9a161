"""The append-only log: a port (`base`) and its adapters, one a file."""
