"""Events and commands that cross from one service to another."""
