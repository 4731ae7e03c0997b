"""
What makes the test vectors: a world of fixed keys, a forge, and a reader.
"""
