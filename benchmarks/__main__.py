"""Run all benchmarks on one thread: python -m benchmarks. Each file says what it does not show."""

import torch

from benchmarks import epoch, slider

torch.set_num_threads(1)
print(f"{'benchmark':26} {'contender':42} {'median':>12} {'to ours':>9}")
for benchmark in (slider, epoch):
    print(*benchmark.compare(), sep="\n")
