"""
RQ: the journey that was current where a job was made is current where it is performed.

RQ has no hook, and is made to be subclassed: a queue puts the journey into the job's
``meta``, which jobs that are due later, made together or tried again keep; a worker binds it
in the process that performs the job.

.. code-block:: python

    class ShopQueue(CustomerContextQueue):
        messages = Messages(propagator=propagator)


    class ShopWorker(CustomerContextWorker, Worker):
        messages = Messages(propagator=propagator)
"""

from __future__ import annotations

from typing import Any, ClassVar

from rq import Queue
from rq.job import Job
from rq.worker import BaseWorker

from cxcontext.queues.carriers import MappingCarrier
from cxcontext.queues.messages import Messages


class CustomerContextQueue(Queue):
    """
    A queue whose jobs carry the current journey, if its workers may have it.

    Attributes:
        messages: Which department this is, and which queues reach which others.

    .. versionadded:: 0.1.0
    """

    messages: ClassVar[Messages]

    def create_job(self, *args: Any, **kwargs: Any) -> Job:
        """
        Make a job, with the current journey.
        """
        job = super().create_job(*args, **kwargs)
        # The caller's own dict may serve many jobs.
        job.meta = {**job.meta}
        self.messages.inject(MappingCarrier(job.meta), queue=self.name)
        return job


class CustomerContextWorker(BaseWorker):
    """
    What a worker of any kind is mixed with, so that its jobs have their journeys.

    Attributes:
        messages: Which department this is.

    .. versionadded:: 0.1.0
    """

    messages: ClassVar[Messages]

    def perform_job(self, job: Job, *args: Any, **kwargs: Any) -> bool:
        """
        Perform a job, and its callbacks, with its journey.
        """
        carrier = MappingCarrier(job.meta)
        with self.messages.bound(carrier, message_id=job.id.encode()):
            return super().perform_job(job, *args, **kwargs)
