"""The record of what a run cost."""

import torch

from rungs.training.record import device_name


def test_a_gpu_is_named_by_its_own_name(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"card {device.index}")
    assert device_name(torch.device("cuda", 3)) == "card 3"


def test_a_cpu_is_named_with_its_cores():
    assert device_name(torch.device("cpu")).endswith("cores")
