"""One checker per file, found by its presence: each module holds one `check(history)`."""
