"""
For users' tests: the contract that every adapter keeps, in `contract`.
"""
