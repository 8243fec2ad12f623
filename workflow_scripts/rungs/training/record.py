"""What a run cost, what it ran on and which code made it."""

import importlib.metadata
import os
import platform
import resource
import sys
import time
from pathlib import Path

import torch

from rungs.workflow.revision import now, revision


class CostRecord:
    """Measures a run from its construction to :meth:`finish`."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._begin = time.perf_counter()
        self._processor_begin = time.process_time()
        self._started = now()
        # Now, not at the end: what is loaded is what is there now.
        self._revision = revision()
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)

    def finish(self, n_updates: int, frames_seen: int, training_seconds: float) -> dict:
        """Return the record: wall time, throughput, peak memory, hardware, versions, revision.

        Args:
            n_updates: optimiser updates done in this process.
            frames_seen: training frames those updates saw, repetitions counted.
            training_seconds: time spent in updates, validation and set-up left out.
        """
        record = {
            "started": self._started,
            "finished": now(),
            "wall_seconds": round(time.perf_counter() - self._begin, 3),
            # what a busy machine does not change
            "processor_seconds": round(time.process_time() - self._processor_begin, 3),
            "updates": n_updates,
            "frames_seen": frames_seen,
            "training_seconds": round(training_seconds, 3),
            "frames_per_second": round(frames_seen / training_seconds, 3) if n_updates else None,
            "peak_memory_mb": round(peak_resident_bytes() / 1e6, 1),
            "device": device_name(self._device),
            "visible_devices": os.environ.get("CUDA_VISIBLE_DEVICES"),
            "threads": torch.get_num_threads(),
            "memory_gb": round(memory_bytes() / 1e9, 1),
            "platform": platform.platform(),
            "host": platform.node(),
            "scheduler_job": _scheduler_job(),
            "python": platform.python_version(),
            "torch": torch.__version__,
            "chgnet": importlib.metadata.version("chgnet"),
            "numpy": importlib.metadata.version("numpy"),
            **self._revision._asdict(),
        }
        if "mace" in sys.modules:
            record |= {name: importlib.metadata.version(name) for name in ("mace-torch", "e3nn")}
        if self._device.type == "cuda":
            peak = torch.cuda.max_memory_allocated(self._device)
            record["peak_device_memory_mb"] = round(peak / 1e6, 1)
            record["cuda"] = torch.version.cuda
        return record


def peak_resident_bytes() -> int:
    """Return the most memory that this process has had resident, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():
        # Linux hands a process's ru_maxrss on to the processes it starts, but not this.
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # macOS counts bytes, others KiB


def memory_bytes() -> int:
    """Return the memory of this machine, in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _scheduler_job() -> str | None:
    """Return what the cluster's scheduler calls this job, None where there is none."""
    for name in ("SLURM_JOB_ID", "AWS_BATCH_JOB_ID", "BATCH_JOB_UID"):
        if name in os.environ:
            return f"{name}={os.environ[name]}"
    return None


def device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0].split(":", 1)[1].strip() if names else cpu
    return f"{cpu}, {os.cpu_count()} cores"
