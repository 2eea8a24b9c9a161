"""One named experiment per file, found by its presence: each module holds one `EXPERIMENT`."""
