"""Tools for a service's log file: check it, carry it elsewhere, make it smaller, copy it and put it back."""
