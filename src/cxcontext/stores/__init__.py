"""
Where journeys rest between touchpoints: a home over a store.

`cxcontext.stores.home` holds the rules; each other file is one engine.
"""
