"""Servers that are wrong in one thing; each module runs like the console command, with one function replaced."""
