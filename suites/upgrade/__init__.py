"""What outlives a process: deployment, restart, kill -9."""
