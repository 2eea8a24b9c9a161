"""Tests of the chaos package itself: its checkers, its schedules, and servers broken on purpose."""
