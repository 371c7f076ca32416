"""How a trained model is judged: the same few measures for every lesson; one file a question."""

from sslcourse.evaluate.anomaly import auroc
from sslcourse.evaluate.attention import map_auroc, map_iou, patch_masks
from sslcourse.evaluate.clustering import adjusted_rand_index, cluster_purity
from sslcourse.evaluate.collapse import codes_collapsed, effective_rank, projection_std
from sslcourse.evaluate.disentanglement import (
    factor_information,
    kl_per_dimension,
    mutual_information_gap,
)
from sslcourse.evaluate.factors import variance_explained
from sslcourse.evaluate.fine_tuning import fine_tune, train_classifier, train_for
from sslcourse.evaluate.gaussians import bayes_accuracy, gaussian_kl
from sslcourse.evaluate.generation import precision_and_recall
from sslcourse.evaluate.image_text import preferred, prompt_embeddings, recall_at, zero_shot
from sslcourse.evaluate.information import (
    gaussian_mutual_information,
    mutual_information,
    perplexity,
)
from sslcourse.evaluate.invariance import relevant_component_analysis, sensitivity
from sslcourse.evaluate.label_efficiency import label_curve, labels_needed
from sslcourse.evaluate.memory import training_memory
from sslcourse.evaluate.neighbours import knn_accuracy
from sslcourse.evaluate.probe import (
    classifier_accuracy,
    extract_features,
    linear_classifier,
    linear_probe,
)
from sslcourse.evaluate.recognition import phone_accuracy, word_accuracy, word_scores
from sslcourse.evaluate.tokens import code_shares

__all__ = [
    "adjusted_rand_index",
    "auroc",
    "bayes_accuracy",
    "classifier_accuracy",
    "cluster_purity",
    "code_shares",
    "codes_collapsed",
    "effective_rank",
    "extract_features",
    "factor_information",
    "fine_tune",
    "gaussian_kl",
    "gaussian_mutual_information",
    "kl_per_dimension",
    "knn_accuracy",
    "label_curve",
    "labels_needed",
    "linear_classifier",
    "linear_probe",
    "map_auroc",
    "map_iou",
    "mutual_information",
    "mutual_information_gap",
    "patch_masks",
    "perplexity",
    "phone_accuracy",
    "precision_and_recall",
    "preferred",
    "projection_std",
    "prompt_embeddings",
    "recall_at",
    "relevant_component_analysis",
    "sensitivity",
    "train_classifier",
    "train_for",
    "training_memory",
    "variance_explained",
    "word_accuracy",
    "word_scores",
    "zero_shot",
]
