"""One workload per file, each a class that experiments configure and the runner drives."""
