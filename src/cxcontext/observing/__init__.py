"""
Logs, metrics and traces: events told there, and what no reader of them may have.
"""
