"""Every test starts a Python of its own: what torch and torchvision register lasts as long as the process."""

import os
import subprocess
import sys

MATCHING = {"__init__.py": "imported = True"}
BROKEN = {"__init__.py": "raise RuntimeError('another matter')"}
MISMATCHED = {
    "__init__.py": "from torchvision import registrations",
    "registrations.py": """
import torch
@torch.library.register_fake("torchvision::nms")
def nms(dets, scores, iou_threshold): return dets.new_empty(1)
@torch.library.register_fake("torchvision::qnms")
def qnms(dets, scores, iou_threshold): return dets.new_empty(1)
""",
}


def run(code, folder=None):
    """Run code in a new Python that looks for modules in folder first; return it with its output."""
    environment = os.environ | ({"PYTHONPATH": str(folder)} if folder else {})
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)


def stub(folder, files):
    """Write a package named torchvision into folder."""
    (folder / "torchvision").mkdir()
    for name, text in files.items():
        (folder / "torchvision" / name).write_text(text)
    return folder


IMPORT = """
from sslcourse import torchvision_compat
torchvision = torchvision_compat.import_torchvision()
"""


def test_transforms_and_data_sets_are_usable_with_the_installed_pair():
    done = run(f"""{IMPORT}
import torch
from torchvision.transforms import v2
images = torch.rand(2, 3, 16, 16)
assert v2.RandomResizedCrop(8)(images).shape == (2, 3, 8, 8)
assert v2.ColorJitter(0.4, 0.4, 0.4, 0.1)(images).shape == images.shape
assert torchvision.datasets.FakeData(size=1)[0][0].size == (224, 224)
assert torchvision.models.resnet18().fc.out_features == 1000
""")
    assert done.returncode == 0, done.stderr


def test_second_import_gives_the_same_module_and_declares_nothing_more():
    done = run(f"""{IMPORT}
declared = len(torchvision_compat._libraries)
assert torchvision_compat.import_torchvision() is torchvision
assert len(torchvision_compat._libraries) == declared
""")
    assert done.returncode == 0, done.stderr


def test_import_works_after_a_plain_import_has_failed():
    done = run(f"""
try:
    import torchvision
except RuntimeError:
    pass
{IMPORT}
assert torchvision.datasets.MNIST
""")
    assert done.returncode == 0, done.stderr


def test_operators_work_or_say_that_their_compiled_code_is_missing():
    done = run(f"""{IMPORT}
import torch
torchvision.ops.nms(torch.rand(2, 4), torch.rand(2), 0.5)
""")
    assert done.returncode == 0 or "Couldn't load custom C++ ops" in done.stderr


def test_mismatched_install_fails_plainly_and_imports_through_compat(tmp_path):
    stub(tmp_path, MISMATCHED)
    assert "operator torchvision::nms does not exist" in run("import torchvision", tmp_path).stderr
    done = run(f"{IMPORT}\nprint(len(torchvision_compat._libraries))", tmp_path)
    assert done.stdout.strip() == "1", done.stderr


def test_declared_operators_have_the_signatures_of_torchvision(tmp_path):
    stub(tmp_path, MISMATCHED)
    done = run(f"{IMPORT}\nimport torch\nprint(torch.ops.torchvision.nms.default._schema)", tmp_path)
    signature = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
    assert done.stdout.strip() == f"torchvision::nms{signature}", done.stderr


def test_matching_install_is_imported_and_nothing_is_declared(tmp_path):
    stub(tmp_path, MATCHING)
    done = run(f"{IMPORT}\nprint(torchvision.imported, torchvision_compat._libraries)", tmp_path)
    assert done.stdout.strip() == "True []", done.stderr


def test_other_errors_of_torchvision_are_passed_on(tmp_path):
    stub(tmp_path, BROKEN)
    done = run(IMPORT, tmp_path)
    assert done.returncode == 1
    assert "RuntimeError: another matter" in done.stderr
