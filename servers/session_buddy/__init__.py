"""Sessions and their checkpoints, captured knowledge and its search, skill metrics."""
