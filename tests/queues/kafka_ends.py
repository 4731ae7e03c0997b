"""
Sales and billing, at the two ends of a topic.
"""

from __future__ import annotations

from datetime import timedelta

import cxcontext as cx
from cxcontext.queues.messages import Messages
from cxcontext.testing.contract import Process


class Ends:
    """
    Sales, which sends to a topic, and billing, which consumes it.
    """

    def __init__(self, topic):
        self.sales, self.billing = Process(), Process()
        to_billing = cx.Destination(
            "billing", queues=[topic], lifetime=timedelta(hours=1)
        )
        sales = self.sales.department("sales")
        billing = self.billing.department("billing")
        self.sending = Messages(propagator=cx.Propagator(sales, [to_billing]))
        self.receiving = Messages(propagator=cx.Propagator(billing))
