"""An executor without a shared disk: each job in a new folder that is gone with it, as in a pod.

The job gets what Snakemake gives a job in the cloud: a command, and variables of the environment.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor
from snakemake_interface_executor_plugins.settings import CommonSettings

common_settings = CommonSettings(
    non_local_exec=True,
    implies_no_shared_fs=True,
    job_deploy_sources=True,
    pass_default_storage_provider_args=True,
    pass_default_resources_args=True,
    pass_envvar_declarations_to_cmd=False,
    auto_deploy_default_storage_provider=False,
)


class Executor(RemoteExecutor):
    """Runs jobs on this machine, each as if on another."""

    def run_job(self, job):
        disk = tempfile.mkdtemp(prefix="pod-")
        environment = {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "HOME": disk,
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(Path(__file__).parents[1]),
            **{name: value for name, value in os.environ.items() if name.startswith("POD_")},
            **self.envvars(),
        }
        command = self.format_job_exec(job)
        if commands := os.environ.get("POD_COMMANDS"):
            with open(commands, "a", encoding="utf-8") as handle:
                print(command, file=handle)
        with open(Path(disk) / "output", "wb") as output:
            process = subprocess.Popen(
                command,
                shell=True,
                executable="/bin/bash",
                cwd=disk,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        aux = {"process": process, "disk": disk}
        self.report_job_submission(SubmittedJobInfo(job, external_jobid=str(process.pid), aux=aux))

    async def check_active_jobs(self, active_jobs):
        for info in active_jobs:
            status = info.aux["process"].poll()
            if status is None:
                yield info
                continue
            said = (Path(info.aux["disk"]) / "output").read_text(errors="replace")
            shutil.rmtree(info.aux["disk"])
            if status == 0:
                self.report_job_success(info)
            else:
                self.report_job_error(info, msg=f"pod ended with {status}:\n{said}\n")

    def cancel_jobs(self, active_jobs):
        for info in active_jobs:
            info.aux["process"].kill()
            info.aux["process"].wait()
            shutil.rmtree(info.aux["disk"], ignore_errors=True)
