"""Several processes on one log: they append under a grant, follow what others append, and share what no log keeps."""
