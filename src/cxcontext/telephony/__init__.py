"""
Telephony: how a reference to a journey survives a phone call.

Bindings are pure functions; adapters speak to one platform each. Nothing is imported
here: take what you need from its own module.
"""
