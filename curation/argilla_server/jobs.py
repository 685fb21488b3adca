"""Argilla's background jobs without Redis: the same RQ queues in memory, and one thread that works them off.

Source: argilla-server 2.8.0, `jobs/queues.py`, `jobs/*_jobs.py`; the retries are those the jobs declare (rq 1.16,
`rq.Retry`). Jobs that wait are lost when the process ends: a change of a dataset's distribution has then to be sent
again, and a webhook is not called.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

from argilla_server.jobs import queues
from fakeredis import FakeStrictRedis
from rq import Queue
from rq.exceptions import DequeueTimeout
from rq.job import Job, JobStatus

_LOG = logging.getLogger(__name__)


class Jobs:
    """Works the queues off, one job at a time, from `start` on until the process ends."""

    def __init__(self) -> None:
        # The server's modules share one client object, which has not connected yet: it gets another place to go.
        queues.REDIS_CONNECTION.connection_pool = FakeStrictRedis().connection_pool
        self._queues = [queues.HIGH_QUEUE, queues.DEFAULT_QUEUE]
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="job")
        self._thread = threading.Thread(target=self._work, name="jobs", daemon=True)

    def start(self) -> None:
        """Once."""
        self._thread.start()

    def _work(self) -> None:
        while True:
            try:
                job, queue = Queue.dequeue_any(self._queues, timeout=1, connection=queues.REDIS_CONNECTION)
            except DequeueTimeout:
                continue  # Nothing to do yet.
            self._perform(job, queue)

    def _perform(self, job: Job, queue: Queue) -> None:
        # RQ runs a job that is a coroutine on a loop of its own, which a thread must not have yet: hence the executor.
        error = self._executor.submit(job.perform).exception()
        if error is None:
            job.set_status(JobStatus.FINISHED)
            return
        _LOG.warning("job %s failed", job.description, exc_info=error)
        if not job.retries_left:
            job.set_status(JobStatus.FAILED)
            return
        wait = job.get_retry_interval()
        job.retries_left -= 1
        job.set_status(JobStatus.SCHEDULED)
        timer = threading.Timer(wait, queue.enqueue_job, [job])
        timer.daemon = True
        timer.start()
