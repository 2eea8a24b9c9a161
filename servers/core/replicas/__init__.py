"""Several processes on one log: who is there, who keeps it in order, and how the others follow."""
