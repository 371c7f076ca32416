"""One paper, one file: __init__ says what is trained, loss(batch) says how."""

from sslcourse.methods.affine_flow import AffineFlow
from sslcourse.methods.autoencoder import (
    Autoencoder,
    DenoisingAutoencoder,
    EncoderDecoder,
    LinearAutoencoder,
)
from sslcourse.methods.beit import BEiT
from sslcourse.methods.bigram import Bigram
from sslcourse.methods.byol import BYOL
from sslcourse.methods.classifier import Classifier
from sslcourse.methods.clip import CLIP
from sslcourse.methods.clustering import KMeans
from sslcourse.methods.conditional_generator import ConditionalGenerator
from sslcourse.methods.density import GaussianDensity, KernelDensity
from sslcourse.methods.dino import DINO
from sslcourse.methods.discrete_vae import VQVAE, DiscreteVAE, PatchTokenizer, kl_to_uniform
from sslcourse.methods.gan import GAN
from sslcourse.methods.gaussian_classifier import GaussianClassifier
from sslcourse.methods.info_nce import ContrastiveCritic
from sslcourse.methods.inpainting import LinearInpainter, interpolate_hidden, pixel_mask
from sslcourse.methods.language_model import LanguageModel, detached, next_token_loss
from sslcourse.methods.logistic_regression import LogisticRegression
from sslcourse.methods.mae import MAE
from sslcourse.methods.masked_language_model import MaskedLanguageModel
from sslcourse.methods.moco import MoCo
from sslcourse.methods.pca import PCA
from sslcourse.methods.phone_recogniser import PhoneRecogniser
from sslcourse.methods.probabilistic_pca import ProbabilisticPCA
from sslcourse.methods.product_quantiser import (
    ProductQuantiser,
    gumbel_choice,
    gumbel_softmax,
)
from sslcourse.methods.rotation import RotationPrediction
from sslcourse.methods.sentence_classifier import SentenceClassifier
from sslcourse.methods.simclr import SimCLR
from sslcourse.methods.simsiam import SimSiam
from sslcourse.methods.swav import SwAV
from sslcourse.methods.vae import (
    VAE,
    ConditionalVAE,
    EvidenceLowerBound,
    LinearVAE,
    reparameterize,
)
from sslcourse.methods.vicreg import VICReg
from sslcourse.methods.wav2vec2 import Wav2Vec2

__all__ = [
    "BYOL",
    "CLIP",
    "DINO",
    "GAN",
    "MAE",
    "PCA",
    "VAE",
    "VQVAE",
    "AffineFlow",
    "Autoencoder",
    "BEiT",
    "Bigram",
    "Classifier",
    "ConditionalGenerator",
    "ConditionalVAE",
    "ContrastiveCritic",
    "DenoisingAutoencoder",
    "DiscreteVAE",
    "EncoderDecoder",
    "EvidenceLowerBound",
    "GaussianClassifier",
    "GaussianDensity",
    "KMeans",
    "KernelDensity",
    "LanguageModel",
    "LinearAutoencoder",
    "LinearInpainter",
    "LinearVAE",
    "LogisticRegression",
    "MaskedLanguageModel",
    "MoCo",
    "PatchTokenizer",
    "PhoneRecogniser",
    "ProbabilisticPCA",
    "ProductQuantiser",
    "RotationPrediction",
    "SentenceClassifier",
    "SimCLR",
    "SimSiam",
    "SwAV",
    "VICReg",
    "Wav2Vec2",
    "detached",
    "gumbel_choice",
    "gumbel_softmax",
    "interpolate_hidden",
    "kl_to_uniform",
    "next_token_loss",
    "pixel_mask",
    "reparameterize",
]
