"""PyTorch in one group with crates/bcs-torch/examples/peer.rs: sums a tensor, and prints the result."""

import datetime
import json
import os

import torch
import torch.distributed as dist

rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
timeout = datetime.timedelta(seconds=60)
tcp = dist.TCPStore(os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]), is_master=rank == 0, timeout=timeout, wait_for_workers=False)
store = dist.PrefixStore("bcs/0", tcp)
store.set(f"joined/{rank}", "python")
store.wait([f"joined/{other}" for other in range(size)])
group = dist.ProcessGroupGloo(store, rank, size, timeout)
tensor = torch.tensor([rank + 1.0, 10.0 * (rank + 1)], dtype=torch.float64)
group.allreduce([tensor]).wait()
print(json.dumps(tensor.tolist()), flush=True)
# The other process may still read from the store.
group.barrier().wait()
