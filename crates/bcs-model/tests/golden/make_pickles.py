"""Writes pickle/*.pt with torch.save, and pickle/*.safetensors with the tensors that torch.load gives for them.

    pip install torch==2.11.0 safetensors numpy
    python make_pickles.py            # writes the files
    python make_pickles.py --check    # compares the files with what this machine writes, record by record

Each .pt is a form in which PyTorch users save parameters. Files named refused_* must be refused; they have no
.safetensors.
"""
import collections
import pathlib
import sys
import tempfile
import zipfile

import torch
from safetensors.torch import save_file

FOLDER = pathlib.Path(__file__).parent / "pickle"

KINDS = [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool]


def network():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.PReLU())


def views():
    """Tensors that share storages, are not contiguous, are empty, or have no dimensions."""
    base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    return {
        "base": base, "transposed": base.t(), "row": base[2], "steps": base[::2, 1::3], "expanded": base[0].expand(3, 6),
        "windows": base.flatten().unfold(0, 4, 2), "scalar": torch.tensor(1.5), "empty": torch.zeros(0, 3),
        "channels_last": torch.arange(36.0).reshape(1, 3, 3, 4).contiguous(memory_format=torch.channels_last),
    }


def kinds():
    return {str(kind).removeprefix("torch."): torch.tensor([0, 1, 1, 0, 1]).to(kind) for kind in KINDS}


class Other:
    pass


class Shared(torch.nn.Module):
    """A module with a tensor under two names, a tensor that is no parameter, and a module under two names."""

    def __init__(self):
        super().__init__()
        self.net = network()
        self.act = self.net[2]
        self.scale = torch.nn.Parameter(torch.tensor([1.5]))
        self.tied = self.scale
        self.constant = torch.tensor([3.0])

    def forward(self, x):
        return self.act(self.net(x)) * self.scale * self.constant + self.tied


def files():
    net = network()
    state = net.state_dict()
    optimizer = torch.optim.Adam(net.parameters())
    net(torch.rand(1, 3, 5, 5)).sum().backward()
    optimizer.step()
    yield "state_dict", state
    yield "plain_dict", dict(state)
    yield "parameters", dict(net.named_parameters())
    yield "data_parallel", torch.nn.DataParallel(net).state_dict()
    yield "lightning", {
        "epoch": 3, "global_step": 100, "pytorch-lightning_version": "2.5.0",
        "state_dict": collections.OrderedDict({f"net.{name}": tensor for name, tensor in state.items()} | {"loss_fn.weight": torch.tensor([1.0, 2.0])}),
        "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": {"total": {"ready": 4, "completed": 3}}}},
        "callbacks": {"ModelCheckpoint{'monitor': 'val_dice', 'mode': 'max'}": {
            "monitor": "val_dice", "best_model_score": torch.tensor(0.75), "best_k_models": {"epoch=3.ckpt": torch.tensor(0.75)}, "kth_value": torch.tensor(float("inf"))}},
        "optimizer_states": [optimizer.state_dict()], "lr_schedulers": [], "MixedPrecision": {"scale": 65536.0, "growth_interval": 2000}, "hparams_name": "kwargs",
        "hyper_parameters": {"lr": 1e-3, "size": torch.Size([1, 2]), "device": torch.device("cpu"), "dtype": torch.float32, "seed": 2**63, "strides": (2, 2), "act": None},
    }
    yield "checkpoint", {"model_state_dict": state, "loss": 0.25, "optimizer_state_dict": optimizer.state_dict(), "best": None, "amp": True}
    yield "views", views()
    yield "kinds", kinds()
    yield "refused_object", {"weight": torch.zeros(1), "other": Other()}
    yield "refused_module", net
    yield "refused_number", {"weight": torch.zeros(1), "epoch": 3}
    yield "refused_list", [torch.zeros(1)]
    yield "refused_sparse", {"weight": torch.eye(3).to_sparse()}
    yield "refused_complex", {"weight": torch.zeros(2, dtype=torch.complex64)}
    yield "refused_conjugated", {"weight": torch.zeros(2, dtype=torch.complex64).conj().imag}


def write(folder):
    folder.mkdir(exist_ok=True)
    for name, value in files():
        path = folder / f"{name}.pt"
        torch.save(value, path)
        if name.startswith("refused_"):
            continue
        loaded = torch.load(path, weights_only=True)
        state = loaded.get("state_dict", loaded.get("model_state_dict", loaded))
        save_file({key: tensor.detach().clone().contiguous() for key, tensor in state.items()}, path.with_suffix(".safetensors"))
    torch.save(network().state_dict(), folder / "refused_legacy.pt", _use_new_zipfile_serialization=False)
    torch.save(network().state_dict(), folder / "refused_protocol.pt", pickle_protocol=4)
    write_torchscript(folder)


def strip_debug(path):
    """Removes the records with the paths of source files on this machine."""
    with zipfile.ZipFile(path) as archive:
        records = [(info.filename, archive.read(info)) for info in archive.infolist() if not info.filename.endswith(".debug_pkl")]
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in records:
            archive.writestr(zipfile.ZipInfo(name), content)


def write_torchscript(folder):
    torch.manual_seed(0)
    image = torch.rand(1, 3, 5, 5)
    modules = {
        "torchscript": torch.jit.script(network()),
        "torchscript_shared": torch.jit.script(Shared()),
        "torchscript_traced": torch.jit.trace(torch.nn.Sequential(network(), torch.nn.Conv2d(2, 1, 1)), image),
        "refused_frozen": torch.jit.freeze(torch.jit.script(network().eval())),
    }
    for name, module in modules.items():
        path = folder / f"{name}.pt"
        module.save(str(path))
        strip_debug(path)
        if name != "refused_frozen":
            state = torch.jit.load(path).state_dict()
            save_file({key: tensor.detach().clone().contiguous() for key, tensor in state.items()}, path.with_suffix(".safetensors"))


def contents(path):
    """The bytes of a file, or the records of an archive but those that depend on source paths and hash seeds."""
    if path.name == "refused_legacy.pt":
        return None  # its storages are named by their addresses
    if not zipfile.is_zipfile(path):
        return path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        skipped = (".debug_pkl", "serialization_id")
        records = {name: archive.read(name) for name in archive.namelist() if not name.endswith(skipped)}
    return {name: sorted(content.splitlines()) if name.endswith(".py") else content for name, content in records.items()}


def check():
    """Compares the files with what this machine writes. Returns whether they agree."""
    with tempfile.TemporaryDirectory() as name:
        new = pathlib.Path(name)
        write(new)
        names = {path.name for folder in (new, FOLDER) for path in folder.iterdir()}
        differ = [name for name in sorted(names) if not ((new / name).exists() and (FOLDER / name).exists() and contents(new / name) == contents(FOLDER / name))]
    print("\n".join(f"{name} differs" for name in differ) or f"{len(names)} files agree")
    return not differ


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(not check())
    write(FOLDER)
