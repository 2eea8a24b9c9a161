"""Authentication and permissions: tokens, their users, their lifetime and their rights."""
