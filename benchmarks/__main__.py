"""Run benchmarks on one thread: python -m benchmarks NAME ..., or all of them without a name.

Each is a file beside this one, which says what it does not show.
"""

import sys
from importlib import import_module

import torch

BENCHMARKS = ("slider", "epoch", "contrastive", "pretrain", "kernels", "processes")

torch.set_num_threads(1)
print(f"{'benchmark':30} {'contender':42} {'median':>12} {'to ours':>9} {'memory':>10}")
for name in sys.argv[1:] or BENCHMARKS:
    for line in import_module(f"benchmarks.{name}").compare():  # it alone needs the packages that it compares
        print(line, flush=True)
