"""Side-by-side measurements against other libraries: python -m benchmarks."""

from sslcourse.torchvision_compat import import_torchvision

import_torchvision()  # before lightly does, which knows nothing of mismatched builds
