"""Who may connect, as whom, for how long, and what they may then do."""
