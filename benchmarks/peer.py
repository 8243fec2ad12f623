"""matgl's CHGNet of the same size, in an environment of its own, as a third side of the benchmark.

It lives in another process, which is told when to run an epoch, so that it takes its turns with the
others. Run as a script, by the other environment's Python, this file is that process.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path


class MatglPeer:
    """An epoch in the other process: calling it waits until the epoch is done."""

    def __init__(self, python: str, case, threads: int) -> None:
        arguments = case.model.model_args
        task = {
            "threads": threads,
            "batch_size": case.batch_size,
            "structures": [s.as_dict() for s in case.structures],
            "labels": [
                {k: getattr(v, "tolist", lambda v=v: v)() for k, v in x._asdict().items()}
                for x in case.labels
            ],
            "model": {
                key: arguments[key]
                for key in ("atom_fea_dim", "n_conv", "num_radial", "num_angular")
            }
            | {key: arguments[key] for key in ("atom_graph_cutoff", "bond_graph_cutoff")},
        }
        with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as handle:
            json.dump(task, handle)
        self._process = subprocess.Popen(
            [python, __file__, handle.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._wait()

    def __call__(self) -> None:
        self._process.stdin.write("epoch\n")
        self._process.stdin.flush()
        self._wait()

    def _wait(self) -> None:
        for line in self._process.stdout:
            if line.strip() == "ready":
                return
        raise RuntimeError("matgl's process ended; see its message above")


def serve(path: str) -> None:
    """Build matgl's model and graphs, then train an epoch for every line of input."""
    import numpy as np
    import torch
    from matgl.ext.pymatgen import Structure2Graph, get_element_list
    from matgl.graph.data import MGLDataLoader, MGLDataset, collate_fn_pes
    from matgl.models import CHGNet
    from matgl.utils.training import PotentialLightningModule
    from pymatgen.core import Structure

    task = json.loads(Path(path).read_text())
    Path(path).unlink()
    torch.set_num_threads(task["threads"])
    torch.set_flush_denormal(True)
    structures = [Structure.from_dict(d) for d in task["structures"]]
    elements = get_element_list(structures)
    size = task["model"]
    width = size["atom_fea_dim"]
    model = CHGNet(
        element_types=elements,
        dim_atom_embedding=width,
        dim_bond_embedding=width,
        dim_angle_embedding=width,
        num_blocks=size["n_conv"],
        cutoff=size["atom_graph_cutoff"],
        threebody_cutoff=size["bond_graph_cutoff"],
        max_n=size["num_radial"],
        max_f=(size["num_angular"] - 1) // 2,
        atom_conv_hidden_dims=(width,),
        bond_conv_hidden_dims=(width,),
        final_hidden_dims=(width, width),
        normalization="layer",
    )
    labels = {
        "energies": [x["energy"] * len(s) for x, s in zip(task["labels"], structures, strict=True)],
        "forces": [x["forces"] for x in task["labels"]],
        "stresses": [x["stress"] for x in task["labels"]],
        "magmoms": [np.array(x["magmoms"])[:, None].tolist() for x in task["labels"]],
    }
    dataset = MGLDataset(
        structures=structures,
        converter=Structure2Graph(element_types=elements, cutoff=size["atom_graph_cutoff"]),
        labels=labels,
        root=tempfile.mkdtemp(),
        save_cache=False,
    )
    loader, _ = MGLDataLoader(
        train_data=dataset,
        val_data=dataset,
        collate_fn=lambda batch: collate_fn_pes(batch, include_magmom=True),
        batch_size=task["batch_size"],
    )
    module = PotentialLightningModule(
        model=model,
        magmom_weight=1.0,
        stress_weight=0.1,
        loss="huber_loss",
    )
    module.log_dict = lambda *_a, **_k: None
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    print("ready", flush=True)
    for _ in sys.stdin:
        for batch in loader:
            optimizer.zero_grad()
            results, _ = module.step(batch)
            results["Total_Loss"].backward()
            optimizer.step()
        print("ready", flush=True)


if __name__ == "__main__":
    serve(sys.argv[1])
