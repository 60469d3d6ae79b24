"""How many cores this process may use, which in a container is not how many the machine has."""

from __future__ import annotations

import math
import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")


def usable_cores(cgroup: Path = CGROUP) -> int:
    """The smaller of the affinity mask and the CPU quota of `cgroup` (version 2 or 1), or 1."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return math.ceil(min(cores or 1, _quota(cgroup)))


def _quota(cgroup: Path) -> float:
    """Cores' worth of CPU time the cgroup may use; infinity without a limit."""
    unified = _words(cgroup / "cpu.max")
    quota = unified or _words(cgroup / "cpu/cpu.cfs_quota_us")
    period = unified[1:] or _words(cgroup / "cpu/cpu.cfs_period_us")
    if not quota or not period or quota[0] in ("max", "-1"):
        return math.inf
    return int(quota[0]) / int(period[0])


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []
