"""One fault per file, found by its presence: each module holds one `FAULT`."""
