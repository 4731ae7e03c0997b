"""
The propagator: `allow_list`, `sending`, `receiving`, and responses in `propagator`.
"""

from cxcontext.core.propagating.propagator import Propagator

__all__ = ["Propagator"]
