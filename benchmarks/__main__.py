"""Run benchmarks on one thread: python -m benchmarks NAME ..., or all of them without a name.

Names are slider, epoch, contrastive, pretrain, kernels and processes; each file says what it does not show.
"""

import sys

import torch

from benchmarks import contrastive, epoch, kernels, pretrain, processes, slider

BENCHMARKS = {
    "slider": slider,
    "epoch": epoch,
    "contrastive": contrastive,
    "pretrain": pretrain,
    "kernels": kernels,
    "processes": processes,
}

torch.set_num_threads(1)
print(f"{'benchmark':30} {'contender':42} {'median':>12} {'to ours':>9} {'memory':>10}")
for name in sys.argv[1:] or BENCHMARKS:
    for line in BENCHMARKS[name].compare():
        print(line, flush=True)
