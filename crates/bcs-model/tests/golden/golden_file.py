"""What all golden files share."""
import json

import monai
import torch
from safetensors.torch import save_file

VERSIONS = {"monai": monai.__version__, "torch": torch.__version__.split("+")[0]}


def save(path, tensors, description):
    """Saves tensors and one metadata entry: with several, the order of the entries is random."""
    contiguous = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    save_file(contiguous, path, metadata={"golden": json.dumps(description | VERSIONS)})
