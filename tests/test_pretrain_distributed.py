"""Two processes learn as one: with the losses, gradients, queues, centres and batch statistics of one."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch
from test_pretrain import until
from torch import nn
from torch.multiprocessing import spawn
from torch.nn import functional as F

from sslcourse.encoders import conv_encoder
from sslcourse.pretrain import RECIPES, checkpoint, journal
from sslcourse.pretrain.learner import Learner
from sslcourse.pretrain.processes import has_lost_others
from sslcourse.pretrain.recipes import Job

ROOT = Path(__file__).resolve().parents[1]
IMAGES, STEPS, LABELS = 16, 3, torch.arange(16) % 3
CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)
DEVICES = [CPU] + [GPU] * torch.cuda.is_available()
OPTIONS = {
    "autoencoder": {"hidden": 16},
    "rotation": {},
    "supervised": {},
    "simclr": {"projections": 8},
    "moco": {"projections": 8, "queue_size": 40},
    "simsiam": {"projections": 8},
    "byol": {"projections": 8},
    "vicreg": {"projections": 8},
    "swav": {"projections": 8, "prototypes": 6, "frozen_steps": 1},
    "dino": {"prototypes": 12, "frozen_steps": 1},
}  # all methods but those that draw noise or masks, each process its own; these compare no images


class FixedJob(Job):
    """A job whose views are the images of a pair as they are, so that both runs see the same."""

    def augment(self):
        return nn.Identity()

    def multi_crop(self):
        def views(pairs):
            parts = [F.avg_pool2d(pairs[:, i % 2], 2).roll(i, 3) for i in range(4)]
            return pairs.transpose(0, 1), torch.stack(parts)

        return views


def learn(method, rank, world, device):
    """What one of `world` processes remembers of a few steps, all in double precision."""
    torch.manual_seed(0)
    batches = torch.rand(STEPS, IMAGES, 2, 1, 12, 12, dtype=torch.float64).to(device)
    n = IMAGES // world
    generator = torch.Generator().manual_seed(0)
    job = FixedJob(conv_encoder(1, 4, 16), (1, 12, 12), n, 10, 3, {}, device, generator)
    model = RECIPES[method].make(job, **OPTIONS[method]).double().to(device)
    learner = Learner(model, device)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    remembered = {}
    for step, batch in enumerate(batches):
        mine, labels = (part[rank * n : (rank + 1) * n] for part in (batch, LABELS.to(device)))
        mine = mine if RECIPES[method].pairs else mine[:, 0]
        loss = learner.loss((mine, labels) if RECIPES[method].labels else mine)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        remembered[f"{step} loss"] = loss.detach()
        for name, parameter in model.named_parameters():
            if parameter.grad is not None:
                remembered[f"{step} gradient of {name}"] = parameter.grad.clone()
    return remembered | {f"in the end, {name}": t.clone() for name, t in model.state_dict().items()}


def one_of_two(rank, folder, device):
    """What a spawned process does: all methods, one after the other.

    Both may share a GPU, where SyncBatchNorm and DistributedDataParallel work over gloo; NCCL, which the
    command takes, wants a GPU for each process.
    """
    torch.set_num_threads(1)
    store = (folder / "store").as_uri()
    torch.distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=2)
    for method in OPTIONS:
        torch.save(learn(method, rank, 2, device), folder / f"{method} {rank}")


def test_an_error_of_our_own_is_not_taken_for_the_end_of_another_process():
    assert has_lost_others(RuntimeError("[gloo/transport/tcp/pair.cc:553] Connection closed by peer"))
    assert has_lost_others(torch.distributed.DistBackendError("NCCL communicator was aborted"))
    assert not has_lost_others(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


@pytest.fixture(scope="module", params=DEVICES, ids=str)
def device(request):
    return request.param


@pytest.fixture(scope="module")
def folder_of_two(tmp_path_factory, device):
    """A folder with what both processes remember of each method."""
    folder = tmp_path_factory.mktemp("two")
    spawn(one_of_two, (folder, device), nprocs=2)
    return folder


def differing(remembered, expected):
    """Names of what is not equal, and by how much."""
    assert remembered.keys() == expected.keys()
    gaps = {name: (tensor - expected[name]).abs().max().item() for name, tensor in remembered.items()}
    return {name: gap for name, gap in gaps.items() if not gap < 1e-9}


@pytest.mark.parametrize("method", OPTIONS)
def test_two_processes_learn_as_one_on_the_whole_batch(folder_of_two, method, device):
    first, second = (torch.load(folder_of_two / f"{method} {rank}") for rank in (0, 1))
    alone = learn(method, 0, 1, device)
    own = re.compile(r".*key_.*(running|tracked)")  # batch statistics of a process's own groups, not used
    for other in (alone, second):
        assert [name for name in differing(first, other) if not own.match(name)] == []
    assert any(name.startswith("2 gradient") and g.abs().max() > 1e-6 for name, g in alone.items())


# The command, started by torchrun

COMMAND = ["simclr", "--images", "48", "--epochs", "4", "--batch-size", "16", "--save-every", "2"]
COMMAND += ["--log-every", "4", "--device", "cpu"]
DYING = """
import os, signal, sys, torch
from sslcourse.pretrain.__main__ import main

taken, step = [], torch.optim.AdamW.step

def step_and_die(optimizer, *arguments):
    taken.append(step(optimizer, *arguments))
    if os.environ["RANK"] == "1" and len(taken) == 7:
        os.kill(os.getpid(), signal.SIGKILL)

torch.optim.AdamW.step = step_and_die
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def torchrun(tmp_path):
    """torchrun(into, ...): the command on two processes that work in tmp_path; says go to "into, said"."""
    started = []

    def torchrun(into, *arguments, module="sslcourse.pretrain"):
        words = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
        words += ["-m", module, *COMMAND, "--into", into, *arguments]
        environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        with open(tmp_path / f"{into}, said", "w") as said:
            started.append(subprocess.Popen(words, cwd=tmp_path, env=environment, stdout=said, stderr=said))
        return started[-1]

    yield torchrun
    for one in started:
        one.terminate()  # if it still runs, its workers with it


if sys.platform != "win32":  # where torchrun finds no libuv

    def test_a_worker_that_waits_in_vain_for_another_still_answers_torchrun(torchrun, tmp_path):
        running, said = torchrun("endless", "--epochs", "100000"), tmp_path / "endless, said"
        until(lambda: (checkpoint.step_in(tmp_path / "endless") or 0) >= 2, running, said)
        children = psutil.Process(running.pid).children()
        workers = {worker.environ()["RANK"]: worker for worker in children}
        workers["1"].suspend()
        time.sleep(1)  # for the first to come to where it waits
        workers["0"].terminate()
        workers["0"].wait(timeout=20)
        workers["1"].kill()
        assert running.wait(timeout=60) != 0
        assert "process 0: error: interrupted; the checkpoint of step" in said.read_text()
        assert "--resume" in said.read_text()

    def test_a_worker_that_dies_ends_the_run_with_an_error_and_the_run_goes_on(torchrun, tmp_path):
        (tmp_path / "dying.py").write_text(DYING)
        broken = tmp_path / "broken"
        assert torchrun("broken", module="dying").wait(timeout=120) != 0
        said = (tmp_path / "broken, said").read_text()
        assert "process 0: error:" in said and "go on with the same command and --resume" in said
        saved, card = checkpoint.load(broken)
        assert card["step"] == 6 and card["run"]["processes"] == 2
        assert not torch.equal(saved["random.0.views"], saved["random.1.views"])

        runs = torchrun("broken", "--resume"), torchrun("whole")
        assert [run.wait(timeout=120) for run in runs] == [0, 0]
        (went_on, _), (whole, _) = (checkpoint.load(tmp_path / name) for name in ("broken", "whole"))
        assert whole.keys() == went_on.keys()
        assert [name for name, tensor in whole.items() if not torch.equal(tensor, went_on[name])] == []
        assert [line["step"] for line in journal.log_lines(broken)] == [4, 8, 12]
