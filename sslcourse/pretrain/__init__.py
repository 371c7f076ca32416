"""One command for what outgrows a lesson: any image method, larger data and networks, one device or many.

    python -m sslcourse.pretrain simclr --data cifar10 --encoder resnet18 --epochs 200 --batch-size 512

It runs the methods, losses, augmentations and the training loop of the lessons; here is only what a long run
needs besides: data by name, checkpoints, a log, several processes. docs/beyond_a_lesson.md is its guide.
"""

from sslcourse.pretrain.recipes import RECIPES
from sslcourse.pretrain.run import Run, Settings

__all__ = ["RECIPES", "Run", "Settings"]
