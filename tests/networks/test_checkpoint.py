import pickle

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from tangentlab._errors import DataError
from tangentlab.networks.checkpoint import at_checkpoint


def network(width=3):
    return nn.Sequential(nn.Linear(2, width), nn.BatchNorm1d(width), nn.Linear(width, 1))


def test_round_trip_with_buffers_leaves_the_module_alone(tmp_path):
    a, b = network(), network()
    a[1].running_mean.fill_(0.7)
    a[0].weight.requires_grad_(False)
    save_file(a.state_dict(), tmp_path / "a.safetensors")
    before = {name: tensor.clone() for name, tensor in b.state_dict().items()}
    moved = at_checkpoint(b, tmp_path / "a.safetensors")
    assert all(torch.equal(tensor, a.state_dict()[name]) for name, tensor in moved.state_dict().items())
    assert all(torch.equal(tensor, before[name]) for name, tensor in b.state_dict().items())
    assert moved.training
    assert [p.requires_grad for p in moved.parameters()] == [p.requires_grad for p in b.parameters()]


@pytest.mark.parametrize(
    "wrap",
    [
        lambda s: s,
        lambda s: {"state_dict": s, "epoch": 3},
        lambda s: {"model": {f"module.{k}": v for k, v in s.items()}},
    ],
)
def test_torch_files_of_tensors_are_read(tmp_path, wrap):
    a = network()
    torch.save(wrap(a.state_dict()), tmp_path / "a.pt")
    moved = at_checkpoint(network(), tmp_path / "a.pt")
    assert torch.equal(moved[0].weight, a[0].weight)


def test_misfits_are_named(tmp_path):
    save_file(network(4).state_dict(), tmp_path / "a.safetensors")
    with pytest.raises(DataError, match="of another shape .such as '0.weight'"):
        at_checkpoint(network(3), tmp_path / "a.safetensors")
    save_file(nn.Linear(2, 1).state_dict(), tmp_path / "b.safetensors")
    with pytest.raises(DataError, match="missing.*unknown"):
        at_checkpoint(network(), tmp_path / "b.safetensors")


class Hostile:
    def __reduce__(self):
        return print, ("ran",)


def test_code_in_a_pickle_is_not_run(tmp_path, capsys):
    with open(tmp_path / "a.pt", "wb") as file:
        pickle.dump({"0.weight": Hostile()}, file)
    torch.save({"0.weight": Hostile()}, tmp_path / "b.pt")
    for name in ("a.pt", "b.pt"):
        with pytest.raises(DataError):
            at_checkpoint(network(), tmp_path / name)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["none.safetensors", "none.pt", "a.txt"])
def test_missing_and_foreign_files_are_sentences(tmp_path, name):
    with pytest.raises(DataError):
        at_checkpoint(network(), tmp_path / name)


def test_damaged_files_are_sentences(tmp_path):
    save_file(network().state_dict(), tmp_path / "a.safetensors")
    whole = (tmp_path / "a.safetensors").read_bytes()
    (tmp_path / "a.safetensors").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "b.pt").write_bytes(b"not a file of torch")
    for name in ("a.safetensors", "b.pt"):
        with pytest.raises(DataError, match=name):
            at_checkpoint(network(), tmp_path / name)
