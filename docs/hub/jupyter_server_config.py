"""For a server on which many learners work: read by each learner's Jupyter server when it starts.

It lies in etc/jupyter of the environment in which the course is installed. JupyterHub starts a server in the
learner's own folder; the lessons are copied there, and never overwritten (`python -m sslcourse.lessons`).
"""

import os
from pathlib import Path

from sslcourse.lessons import FOLDER, bring

# One thread each: with two, kernels that share a core spend their time waiting for each other
os.environ.setdefault("SSLCOURSE_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

c = get_config()  # noqa: F821 (Jupyter defines it)
c.MappingKernelManager.cull_idle_timeout = 60 * 60  # seconds; the notebook keeps what its cells have shown
c.MappingKernelManager.cull_interval = 5 * 60
c.MappingKernelManager.cull_connected = True  # a page that was left open must not hold its memory

try:
    print(*bring(Path.cwd() / FOLDER), sep="\n")
except Exception as error:  # a full disk, or whatever it is, must not keep learners from their notebooks
    print(f"The lessons were not copied: {error}")
