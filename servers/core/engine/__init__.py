"""One writer: commands are decided, recorded in the log, answered once, and told to the channels."""
