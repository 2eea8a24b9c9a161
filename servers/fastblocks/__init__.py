"""UI components rendered on the server and a state tree, both pushed to pages."""
