"""Shards and the package webdataset: reads those of bcs-trainer pack, and writes some.

  shards.py read SHARDS TISSUE
  shards.py write SHARDS TISSUE
"""

import collections
import io
import json
import pathlib
import sys
import tarfile

import webdataset
from PIL import Image

MODE, SHARDS, TISSUE = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])


def read() -> None:
    """Compares all files in the shards with those that were packed."""
    shards = sorted(map(str, SHARDS.glob("*.tar")))
    samples = list(webdataset.WebDataset(shards, shardshuffle=False))
    tiles = sorted(path.name for path in (TISSUE / "train").iterdir())
    assert sorted(json.loads(sample["json"])["name"] + ".png" for sample in samples) == tiles
    for sample in samples:
        name = json.loads(sample["json"])["name"] + ".png"
        assert sample["image.png"] == (TISSUE / "train" / name).read_bytes()
        assert sample["mask.png"] == (TISSUE / "train_mask" / name).read_bytes()
    members = sum(len(tarfile.open(shard).getnames()) for shard in shards)
    assert members == 3 * len(tiles)
    print(f"  webdataset has read {len(samples)} tiles of {len(shards)} shards")


def write() -> None:
    """Writes shards, and the index that bcs-trainer needs beside them."""
    import google_crc32c

    SHARDS.mkdir()
    codes, size = collections.Counter(), None
    with webdataset.ShardWriter(str(SHARDS / "w-%04d.tar"), maxcount=5) as writer:
        for path in sorted((TISSUE / "train").iterdir()):
            mask = (TISSUE / "train_mask" / path.name).read_bytes()
            image = Image.open(io.BytesIO(mask))
            codes.update(image.tobytes())
            size = [image.height, image.width]
            key = path.stem.replace(".", "-")
            writer.write({"__key__": key, "png": path.read_bytes(), "seg.png": mask})
    shards = []
    for path in sorted(SHARDS.glob("*.tar")):
        content = path.read_bytes()
        tiles = sum(name.endswith(".seg.png") for name in tarfile.open(path).getnames())
        crc = int.from_bytes(google_crc32c.Checksum(content).digest(), "big")
        shards.append({"name": path.name, "bytes": len(content), "crc32c": crc, "tiles": tiles})
    index = {"format_version": 1, "size": size, "codes": {str(code): count for code, count in codes.items()}, "shards": shards}
    (SHARDS / "index.json").write_text(json.dumps(index))


{"read": read, "write": write}[MODE]()
