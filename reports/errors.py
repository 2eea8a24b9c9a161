"""The one error that a user of the reports sees."""


class ReportError(Exception):
    """A folder or file that cannot be reported on; the message is one line with what to do."""
