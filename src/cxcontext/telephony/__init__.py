"""
Telephony: how a reference to a journey survives a phone call.

Bindings are pure functions; adapters speak to one platform each. `ladder` finds the
journey of a call and `transfer` prepares its next leg, for all of them. Nothing is
imported here: take what you need from its own module.
"""
