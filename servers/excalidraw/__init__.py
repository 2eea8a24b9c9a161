"""Diagrams that several people edit at once, with their cursors and presence."""
