"""One paper, one file: __init__ says what is trained, loss(batch) says how."""

from sslcourse.methods.autoencoder import Autoencoder, DenoisingAutoencoder, LinearAutoencoder
from sslcourse.methods.pca import PCA

__all__ = ["PCA", "Autoencoder", "DenoisingAutoencoder", "LinearAutoencoder"]
