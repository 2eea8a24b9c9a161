"""Breaks a running fleet on purpose, writes down what every client saw, and judges it afterwards."""
