"""One writer: commands are decided, recorded in the log, answered once, and broadcast on the channels."""
