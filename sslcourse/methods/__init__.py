"""One paper, one file: __init__ says what is trained, loss(batch) says how."""

from sslcourse.methods.affine_flow import AffineFlow
from sslcourse.methods.autoencoder import Autoencoder, DenoisingAutoencoder, LinearAutoencoder
from sslcourse.methods.bigram import Bigram
from sslcourse.methods.clustering import KMeans
from sslcourse.methods.conditional_generator import ConditionalGenerator
from sslcourse.methods.density import GaussianDensity, KernelDensity
from sslcourse.methods.gan import GAN
from sslcourse.methods.gaussian_classifier import GaussianClassifier
from sslcourse.methods.info_nce import ContrastiveCritic
from sslcourse.methods.logistic_regression import LogisticRegression
from sslcourse.methods.pca import PCA
from sslcourse.methods.probabilistic_pca import ProbabilisticPCA
from sslcourse.methods.rotation import RotationPrediction
from sslcourse.methods.vae import VAE, ConditionalVAE, LinearVAE, reparameterize

__all__ = [
    "GAN",
    "PCA",
    "VAE",
    "AffineFlow",
    "Autoencoder",
    "Bigram",
    "ConditionalGenerator",
    "ConditionalVAE",
    "ContrastiveCritic",
    "DenoisingAutoencoder",
    "GaussianClassifier",
    "GaussianDensity",
    "KMeans",
    "KernelDensity",
    "LinearAutoencoder",
    "LinearVAE",
    "LogisticRegression",
    "ProbabilisticPCA",
    "RotationPrediction",
    "reparameterize",
]
