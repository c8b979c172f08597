"""Compares bcs with torch.load(weights_only=True) on damaged .pt files.

    cargo build -p bcs-model --example read_weights
    python fuzz_pt.py --reader ../../../../target/debug/examples/read_weights [--count 300] [--seed 0] [--keep FOLDER]

Each mutant is one of pickle/*.pt with a few changes: to the bytes of the file, to the records of the archive, to the
pickle (its integers, types, names and instructions), or to storages. Pickles and records are written back into a valid
archive. Fails if the reader crashes, accepts what torch.load refuses, or reads other values.
"""
import argparse
import collections
import hashlib
import io
import json
import pathlib
import pickletools
import random
import struct
import subprocess
import sys
import tempfile
import warnings
import zipfile

import torch

HERE = pathlib.Path(__file__).parent
INTEGERS = [0, 1, 2, 3, 5, 7, 255, 256, 65535, 2**31 - 1, -1, -2, -(2**31)]
GLOBALS = [
    "torch FloatStorage", "torch DoubleStorage", "torch HalfStorage", "torch LongStorage", "torch ByteStorage", "torch BoolStorage", "torch BFloat16Storage",
    "torch ComplexFloatStorage", "torch QInt8Storage", "torch.storage UntypedStorage", "torch Size", "torch device", "torch float32", "collections OrderedDict",
    "collections Counter", "torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_tensor", "torch._utils _rebuild_parameter", "torch._utils _rebuild_tensor_v3",
    "builtins set", "builtins getattr", "os system", "torch.nn.parameter Parameter", "torch Tensor",
]


def integer(value):
    return b"J" + struct.pack("<i", value)


def instructions(program):
    """The instructions of a pickle as pieces of bytes."""
    positions = [position for _, _, position in pickletools.genops(program)] + [len(program)]
    return [program[start:end] for start, end in zip(positions, positions[1:])]


def mutate_pickle(program, rng):
    pieces = instructions(program)
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        at = rng.randrange(len(pieces) - 1)
        numbers = [index for index, piece in enumerate(pieces) if piece[:1] in b"JKM" and piece]
        globals_ = [index for index, piece in enumerate(pieces) if piece[:1] == b"c"]
        strings = [index for index, piece in enumerate(pieces) if piece[:1] == b"X"]
        kind = rng.randrange(9)
        if kind <= 2 and numbers:
            pieces[rng.choice(numbers)] = integer(rng.choice(INTEGERS))
        elif kind == 3 and globals_:
            pieces[rng.choice(globals_)] = b"c" + rng.choice(GLOBALS).replace(" ", "\n").encode() + b"\n"
        elif kind == 4 and strings:
            text = rng.choice(["0", "1", "9", "../0", "cuda:7", "storage", "module", "", "data.pkl", "ä"]).encode()
            pieces[rng.choice(strings)] = b"X" + struct.pack("<I", len(text)) + text
        elif kind == 5:
            pieces[at] = rng.choice([b"N", b"\x88", b"\x89", b")", b"]", b"}", b"0", b"2", b"(", b"t", b"R", b"b", b"Q", b"s", b"u", b"\x81", b"\x85", b"\x86", b"\x8a\x01\x07"])
        elif kind == 6:
            pieces.insert(at, pieces[rng.randrange(len(pieces) - 1)])
        elif kind == 7:
            del pieces[at]
        else:
            other = rng.randrange(len(pieces) - 1)
            pieces[at], pieces[other] = pieces[other], pieces[at]
    return b"".join(pieces)


def write(records, compression=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(file, "w", compression) as archive:
            for name, contents in records:
                archive.writestr(zipfile.ZipInfo(name), contents, compression)
    return file.getvalue()


def mutate_records(records, rng):
    at = rng.randrange(len(records))
    name, contents = records[at]
    folder = name.split("/")[0]
    kind = rng.randrange(8)
    if kind == 0:
        records[at] = name, contents[: rng.randrange(len(contents) + 1)]
    elif kind == 1:
        records[at] = name, contents + rng.randbytes(rng.randrange(1, 20))
    elif kind == 2:
        del records[at]
    elif kind == 3:
        records.append((rng.choice([name, name.upper(), "other/" + name, folder, folder + "/"]), contents))
    elif kind == 4:
        records[at] = rng.choice([name.upper(), "x/" + name, name.replace("data", "date"), name + "/", name + "\0"]), contents
    elif kind == 5:
        value = rng.choice([b"big", b"little", b"LITTLE", b"", b"0", b"-1", b"11", b"3garbage", b"99999999999999999999", b"x"])
        records.append((f"{folder}/" + rng.choice(["byteorder", "version", ".format_version", ".storage_alignment"]), value))
        names = [name for name, _ in records]
        records[:] = [record for index, record in enumerate(records) if record[0] not in names[index + 1 :]]
    elif kind == 6:
        rng.shuffle(records)
    elif contents:
        position = rng.randrange(len(contents))
        records[at] = name, contents[:position] + bytes([rng.randrange(256)]) + contents[position + 1 :]
    return records


def mutate_bytes(file, rng):
    file = bytearray(file)
    for _ in range(rng.choice([1, 1, 2, 8])):
        # Headers and the directory are where bytes matter most.
        position = rng.choice([rng.randrange(len(file)), len(file) - 1 - rng.randrange(min(len(file), 700)), rng.randrange(400)])
        file[position % len(file)] = rng.choice([0, 1, 255, rng.randrange(256)])
    if rng.random() < 0.2:
        del file[rng.randrange(len(file)) :]
    return bytes(file)


def mutant(file, rng):
    records = [(info.filename, contents) for info, contents in read(file)]
    kind = rng.randrange(10)
    if kind == 0:
        return "bytes", mutate_bytes(file, rng)
    if kind <= 2:
        return "records", write(mutate_records(records, rng), rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
    records = [(name, mutate_pickle(contents, rng) if name.endswith("/data.pkl") else contents) for name, contents in records]
    return "pickle", write(records)


def read(file):
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        return [(info, archive.read(info)) for info in archive.infolist()]


KINDS = {
    torch.float32: "Float", torch.float64: "Double", torch.float16: "Half", torch.bfloat16: "BFloat16", torch.int64: "Int64", torch.int32: "Int",
    torch.int16: "Int16", torch.int8: "Int8", torch.uint8: "Uint8", torch.bool: "Bool",
}


def describe(value):
    """What the reader prints for a state dictionary that torch.load gives."""
    state = value
    for name in ("state_dict", "model_state_dict"):
        if isinstance(value.get(name), dict):
            state = value[name]
    return {name: [KINDS[tensor.dtype], list(tensor.shape), hashlib.sha256(elements(tensor)).hexdigest()] for name, tensor in state.items()}


def elements(tensor):
    """The bytes of the elements in row-major order."""
    fresh = torch.empty(tensor.shape, dtype=tensor.dtype).copy_(tensor.detach())
    return fresh.view(-1).view(torch.uint8).numpy().tobytes() if fresh.numel() else b""


def torch_reads(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return torch.load(path, weights_only=True, map_location="cpu"), None
        except Exception as error:  # whatever it raises is a refusal
            return None, f"{type(error).__name__}: {error}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--reader", required=True)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep")
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    sources = [path.read_bytes() for path in sorted((HERE / "pickle").glob("*.pt")) if not path.name.startswith(("refused_", "torchscript"))]
    folder = pathlib.Path(arguments.keep or tempfile.mkdtemp())
    folder.mkdir(exist_ok=True)
    kinds, paths = {}, []
    for index in range(arguments.count):
        kind, file = mutant(rng.choice(sources), rng)
        path = folder / f"{index:05}.pt"
        path.write_bytes(file)
        kinds[str(path)] = kind
        paths.append(str(path))
    lines = []
    for start in range(0, len(paths), 500):
        result = subprocess.run([arguments.reader, *paths[start : start + 500]], capture_output=True, text=True)
        lines += [json.loads(line) for line in result.stdout.splitlines()]
        if result.returncode != 0:
            sys.exit(f"the reader ended with {result.returncode} after {lines[-1]['file'] if lines else 'nothing'}:\n{result.stderr[-2000:]}")
    counts, failures, stricter = collections.Counter(), [], collections.Counter()
    for line in lines:
        path = line["file"]
        value, error = torch_reads(path)
        ours, theirs = "tensors" in line, error is None
        counts[kinds[path], "read" if ours else "refused", "read" if theirs else "refused"] += 1
        if ours and not theirs:
            failures.append(f"{path}: read here, but refused by torch: {error[:300]}")
        elif ours and describe(value) != line["tensors"]:
            failures.append(f"{path}: other values")
        elif theirs and not ours:
            stricter[line["error"].split("can't be read: ")[-1][:90]] += 1
    print(f"{len(lines)} mutants (seed {arguments.seed}): kind, bcs, torch")
    for (kind, ours, theirs), count in sorted(counts.items()):
        print(f"  {count:6}  {kind:8} {ours:8} {theirs}")
    print("refused here, read by torch:")
    for reason, count in stricter.most_common(40):
        print(f"  {count:6}  {reason}")
    print("\n".join(failures) or "no crash, nothing read that torch refuses, all values equal")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
