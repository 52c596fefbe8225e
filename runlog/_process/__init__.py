"""The process in which we are guests: fork, exit, signals, stderr, where it is.

Imports nothing of runlog.
"""
