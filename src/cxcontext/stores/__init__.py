"""
Engines that keep what rests: bytes under opaque keys.

`cxcontext.homes` holds the rules; each file here is one engine.
"""
