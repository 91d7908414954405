"""Processors, and threads for torch: several that compute on one core each do more than one on several."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

__all__ = ["one_thread_each", "processors"]


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def one_thread_each(n_workers: int) -> ThreadPoolExecutor:
    """Worker threads that each run torch on one core; the setting of every other thread is as it was.

    torch keeps its number of threads for each calling thread, and for those yet to come the last one
    set by any: so the workers are started here, all of them, and the number is then set back.
    """
    import torch

    before = torch.get_num_threads()
    all_started = Barrier(n_workers)

    def settle(_worker: int) -> None:
        torch.get_num_threads()  # the first question sets a thread up as the others are: not later, then
        torch.set_num_threads(1)
        all_started.wait()

    pool = ThreadPoolExecutor(n_workers, thread_name_prefix="torch")
    list(pool.map(settle, range(n_workers)))
    torch.set_num_threads(before)
    return pool
