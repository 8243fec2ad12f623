"""A SLURM cluster of one node with one GPU, from Debian's packages, for tests.

Everything that it writes lies in one folder and it listens on ports of its own, so that it runs
beside a SLURM which the machine may have. The GPU need not exist: SLURM hands it out all the same.
"""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

PACKAGES = ("slurmctld", "slurmd", "slurm-client", "munge")
PROGRAMS = ("munged", "mungekey", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel")
# Debian puts what administrators call into folders that need not be in PATH.
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def why_not() -> str | None:
    """Return why no cluster can be started here, None where it can."""
    if os.geteuid() != 0:
        return "a SLURM cluster needs root: its node starts jobs for others"
    if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        return "snakemake-executor-plugin-slurm is not installed"
    release = Path("/etc/debian_version")
    if not _missing():
        return None
    if not (release.exists() and shutil.which("apt-get")):
        return f"no {_missing()[0]} here, and this is no Debian whose packages could be installed"
    return None


def install() -> None:
    """Install Debian's packages of SLURM, where they are missing.

    Raises:
        RuntimeError: when that fails; with apt-get's words.
    """
    if not _missing():
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *PACKAGES]
    for attempt in (["apt-get", "update", "--quiet"], None):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode == 0 and not _missing():
            return
        if attempt is not None:
            # A fresh machine has no list of packages yet.
            subprocess.run(attempt, env=environment, capture_output=True, check=False)
    raise RuntimeError(f"apt-get cannot install {', '.join(PACKAGES)}:\n{done.stderr.strip()}")


def _missing() -> list[str]:
    return [name for name in PROGRAMS if shutil.which(name, path=PATH) is None]


class OneNode:
    """A running cluster; a context manager, which takes it down whatever happens.

    Args:
        folder: for everything that it writes.
        cpus: how many processors the node pretends to have.
    """

    def __init__(self, folder: Path, cpus: int = 4) -> None:
        self.folder = folder
        self.cpus = cpus
        self._daemons: list[subprocess.Popen] = []
        self.environment = {
            **os.environ,
            "PATH": f"{folder}/bin:{PATH}",
            "SLURM_CONF": str(folder / "slurm.conf"),
        }
        # A test may itself run in a job of another cluster.
        for name in [name for name in self.environment if name.startswith(("SLURM_", "SBATCH_"))]:
            if name != "SLURM_CONF":
                del self.environment[name]

    def __enter__(self) -> "OneNode":
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self._configure()
            self._start_munge()
            self._start("slurmctld", "-D")
            self._start("slurmd", "-D", "-N", "node")
            self._wait_for_node()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        if len(self._daemons) > 1:
            self.run("scancel", "--user", "root", check=False, timeout=20)
            self._wait_for_empty_queue(20)
        for daemon in reversed(self._daemons):
            _end(daemon)
        self._kill_leftovers()
        self._daemons.clear()

    def run(self, *command: str, check: bool = True, timeout: float = 60) -> str:
        """Run one of SLURM's commands and return what it printed."""
        try:
            done = subprocess.run(
                command,
                env=self.environment,
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            if check:
                raise
            return ""
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
        return done.stdout

    def jobs(self) -> list[dict[str, str]]:
        """Return what SLURM knows of all jobs of late, a dictionary a job (a task of an array)."""
        fields = {
            "id": "%i",
            "number": "%A",
            "state": "%T",
            "gres": "%b",
            "memory": "%m",
            "time": "%l",
            "comment": "%k",
            "partition": "%P",
        }
        form = "|".join(fields.values())
        text = self.run("squeue", "--states=all", "--noheader", "--array", f"--format={form}")
        return [dict(zip(fields, line.split("|"), strict=True)) for line in text.splitlines()]

    def finished(self) -> list[dict[str, str]]:
        """Return the entries of SLURM's own log of jobs that ended, in the order of their ends.

        A job that was requeued has one for each time it ran.
        """
        file = self.folder / "completed"
        lines = file.read_text().splitlines() if file.exists() else []
        return [dict(part.split("=", 1) for part in line.split() if "=" in part) for line in lines]

    def log(self) -> str:
        """Return the last lines of the daemons' logs, for the words of a failed test."""
        return "\n".join(
            f"{file.name}:\n" + "\n".join(file.read_text(errors="replace").splitlines()[-30:])
            for file in sorted(self.folder.glob("*.log"))
        )

    def _configure(self) -> None:
        host = socket.gethostname().split(".")[0]
        controller, node = _free_ports(2)
        memory = _memory_mb()
        (self.folder / "slurm.conf").write_text(
            f"""ClusterName=rungs
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={self.folder}/munge.socket,cred_expire=10
SlurmctldPort={controller}
SlurmdPort={node}
StateSaveLocation={self.folder}/state
SlurmdSpoolDir={self.folder}/spool
SlurmctldPidFile={self.folder}/slurmctld.pid
SlurmdPidFile={self.folder}/slurmd.pid
SlurmctldLogFile={self.folder}/slurmctld.log
SlurmdLogFile={self.folder}/slurmd.log
# Nothing that containers lack: no control groups, no binding to cores.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
# A processor, some memory and the GPU are handed out each for itself.
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
SlurmdParameters=config_overrides
ReturnToService=2
JobRequeue=1
# No time lost by a scheduler made for thousands of jobs.
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,requeue_setup_env_fail
MinJobAge=3600
KillWait=5
JobCompType=jobcomp/filetxt
JobCompLoc={self.folder}/completed
AccountingStorageType=accounting_storage/none
NodeName=node NodeHostname={host} NodeAddr=127.0.0.1 CPUs={self.cpus} RealMemory={memory} Gres=gpu:1
PartitionName=cpu Nodes=node MaxTime=1-00:00:00 Default=YES
PartitionName=gpu Nodes=node MaxTime=1-00:00:00
"""
        )
        # Snakemake takes SLURM_CONF away from the steps of its jobs; a cluster that is configured
        # in /etc/slurm does not need it.
        step = self.folder / "bin/srun"
        step.parent.mkdir(exist_ok=True)
        step.write_text(
            "#!/bin/sh\n"
            f'SLURM_CONF={self.folder}/slurm.conf exec {shutil.which("srun", path=PATH)} "$@"\n'
        )
        step.chmod(0o755)
        (self.folder / "gres.conf").write_text("Name=gpu File=/dev/null\n")
        (self.folder / "state").mkdir(exist_ok=True)
        (self.folder / "spool").mkdir(exist_ok=True)

    def _start_munge(self) -> None:
        key, socket_file = self.folder / "munge.key", self.folder / "munge.socket"
        self.run("mungekey", "--create", "--keyfile", str(key))
        self._start(
            "munged",
            "--foreground",
            # The folder of a test is nobody else's.
            "--force",
            f"--key-file={key}",
            f"--socket={socket_file}",
            f"--pid-file={self.folder}/munged.pid",
            f"--seed-file={self.folder}/munged.seed",
        )
        _wait(socket_file.exists, 20, "munged did not start")

    def _start(self, *command: str) -> None:
        with open(self.folder / f"{command[0]}.out.log", "w") as log:
            self._daemons.append(
                subprocess.Popen(
                    command,
                    env=self.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            )

    def _wait_for_node(self) -> None:
        def is_idle() -> bool:
            for daemon in self._daemons:
                if daemon.poll() is not None:
                    raise RuntimeError(f"{daemon.args[0]} ended:\n{self.log()}")
            return "idle" in self.run("sinfo", "--noheader", "--format=%t", check=False)

        _wait(is_idle, 60, "the node did not come up", self.log)

    def _wait_for_empty_queue(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self.run("squeue", "--noheader", check=False, timeout=10).strip():
            if time.monotonic() > deadline:
                return
            time.sleep(0.5)

    def _kill_leftovers(self) -> None:
        """Kill the processes that still have this cluster in their PATH: steps of jobs."""
        mark = f"{self.folder}/bin:".encode()
        for process in Path("/proc").iterdir():
            if not process.name.isdecimal() or int(process.name) == os.getpid():
                continue
            try:
                if mark in (process / "environ").read_bytes():
                    os.kill(int(process.name), signal.SIGKILL)
            except OSError:
                continue


def _end(daemon: subprocess.Popen) -> None:
    if daemon.poll() is None:
        daemon.terminate()
        try:
            daemon.wait(timeout=10)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()


def _free_ports(number: int) -> list[int]:
    sockets = [socket.socket() for _ in range(number)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _memory_mb() -> int:
    """Return what the node may hand out, in MB: enough for the study's requests.

    These are made for real networks; the tiny study's jobs use a tenth of them.
    """
    return 64_000


def _wait(condition, seconds: float, words: str, more=lambda: "") -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{words} within {seconds:.0f} s\n{more()}")
        time.sleep(0.1)
