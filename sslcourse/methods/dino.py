"""DINO: self-distillation with no labels (Caron et al., arXiv:2104.14294).

Trained: a student, encoder and head, which predicts what its teacher says of another view. "centering
prevents one dimension to dominate but encourages collapse to the uniform distribution, while the sharpening
has the opposite effect" (Section 3.1).

Differs from the paper in: a small encoder, 256 prototypes instead of 65,536, and momenta for hundreds of
steps instead of hundreds of thousands.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from sslcourse.augment import MultiCrop
from sslcourse.encoders import conv_encoder
from sslcourse.heads import PrototypeHead
from sslcourse.losses import self_distillation_loss, teacher_probabilities
from sslcourse.momentum import momentum_copy, momentum_schedule, update_momentum


class DINO(nn.Module):
    """A student and a teacher of the same shape; the teacher is a moving average of the student.

    steps: the length of the training, for the schedules. The momentum rises from `momentum` to 1; the
    teacher's temperature goes from the first to the second of teacher_temperature in the first `warm_up`
    steps. center_momentum: 1 = no centring, for the centre then stays at 0.
    """

    def __init__(
        self,
        encoder: nn.Module | None = None,
        head: nn.Module | None = None,
        augment: Callable[[Tensor], tuple[Tensor, Tensor]] | None = None,
        steps: int = 300,
        momentum: float = 0.98,
        temperature: float = 0.1,
        teacher_temperature: tuple[float, float] = (0.04, 0.04),
        warm_up: int = 100,
        center_momentum: float = 0.9,
        frozen_steps: int = 30,
    ):
        super().__init__()
        self.encoder = conv_encoder() if encoder is None else encoder
        self.head = PrototypeHead() if head is None else head
        self.augment = MultiCrop() if augment is None else augment
        self.teacher_encoder = momentum_copy(self.encoder)
        self.teacher_head = momentum_copy(self.head)
        self.steps, self.momentum, self.center_momentum = steps, momentum, center_momentum
        self.temperature, self.teacher_temperature = temperature, teacher_temperature
        self.warm_up, self.frozen_steps = warm_up, frozen_steps
        self.register_buffer("center", torch.zeros(len(self.head.prototypes)))
        self.register_buffer("step", torch.tensor(0))

    def forward(self, images: Tensor) -> Tensor:
        """The student's scores (N, K)."""
        return self.head(self.encoder(images), frozen=bool(self.step < self.frozen_steps))

    def loss(self, images: Tensor) -> Tensor:
        """Algorithm 1 of the paper, with local views for the student only."""
        if self.training:
            self.update_teacher()
        large, small = self.augment(images)  # (2, N, C, H, W), (V, N, C, h, w)
        teacher_scores = self.teacher_scores(large)  # (2, N, K)
        target = teacher_probabilities(teacher_scores, self.center, self.temperature_now)
        student_scores = torch.cat([self.scores(large), self.scores(small)])  # (2 + V, N, K)
        if self.training:
            self.update_center(teacher_scores)  # after its use
            self.step += 1
        return self_distillation_loss(student_scores, target, self.temperature)

    def scores(self, views: Tensor) -> Tensor:
        """The student's scores (V, N, K) of views (V, N, C, H, W)."""
        return self(views.flatten(0, 1)).unflatten(0, views.shape[:2])

    @torch.no_grad()
    def teacher_scores(self, views: Tensor) -> Tensor:
        """The teacher's scores (V, N, K), neither centred nor sharpened yet."""
        scores = self.teacher_head(self.teacher_encoder(views.flatten(0, 1)))
        return scores.unflatten(0, views.shape[:2])

    @property
    def temperature_now(self) -> float:
        """The teacher's temperature at this step."""
        first, last = self.teacher_temperature
        return first + (last - first) * min(self.step.item() / max(self.warm_up, 1), 1)

    def update_teacher(self) -> None:
        """Move the teacher towards the student, before it is asked."""
        momentum = momentum_schedule(self.momentum, self.step.item(), self.steps)
        update_momentum(self.teacher_encoder, self.encoder, momentum)
        update_momentum(self.teacher_head, self.head, momentum)

    @torch.no_grad()
    def update_center(self, scores: Tensor) -> None:
        """c <- m c + (1 - m) mean of the teacher's scores over batch and views, Eq. 4 of the paper."""
        self.center.lerp_(scores.mean((0, 1)), 1 - self.center_momentum)
