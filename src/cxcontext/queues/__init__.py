"""
Queues, streams and events: a module for each protocol or library.

What they share is in `messages` and `carriers`, and needs no library.
"""
