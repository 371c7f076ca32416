"""Does a score tell the strange from the normal?"""

from torch import Tensor


def auroc(scores: Tensor, anomaly_scores: Tensor) -> float:
    """Area under the ROC curve: the chance that an anomaly scores higher than a normal example.

    scores (N,) and anomaly_scores (M,): higher means stranger. 0.5 is guessing; a tie counts half.
    Hanley and McNeil, Radiology 1982.
    """
    for scored in (scores, anomaly_scores):
        if scored.numel() == 0 or scored.isnan().any():
            raise ValueError(
                "auroc needs at least one score of each kind, and none of them nan"
            )
    anomalies = anomaly_scores.reshape(-1, 1)  # (M, 1), against scores (N,)
    return ((anomalies > scores).double() + (anomalies == scores).double() / 2).mean().item()
