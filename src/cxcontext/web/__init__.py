"""
Web frameworks and clients. `cxcontext.web.http` holds the rules once.
"""
