"""Reports built from the files a run left behind; nothing here runs a test or reaches a service."""
