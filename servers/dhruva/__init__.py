"""The adapter registry: versioned, checksummed adapters, stored and distributed."""
