# The course in a container, without a graphics card. Your copies of the lessons stay in the volume:
#   docker build -t sslcourse .
#   docker run --rm -p 127.0.0.1:8888:8888 -v my_lessons:/home/learner/sslcourse/my_lessons sslcourse
# All tests: docker run --rm --shm-size=1g sslcourse make test; `make image` does both and checks the size.
FROM python:3.11-slim

# libatomic1 is for the Node.js that Playwright brings, which drives Chromium in the browser tests.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends chromium git libatomic1 make \
    && apt-get clean && rm -rf /var/lib/apt/lists/*

RUN useradd --create-home --uid 1000 learner
USER learner
WORKDIR /home/learner/sslcourse
ENV PIP_NO_CACHE_DIR=1 PIP_COMPILE=0

# The packages first: they change less often than the lessons, and make up most of its 2.5 GB.
COPY --chown=learner Makefile pyproject.toml requirements.lock README.md LICENSE LICENSE-TEXT ./
COPY --chown=learner tests/colab.txt tests/
COPY --chown=learner sslcourse sslcourse
RUN make .venv/.installed && rm -rf .venv/lib/python3*/site-packages/torch/test
ENV PATH=/home/learner/sslcourse/.venv/bin:$PATH

COPY --chown=learner . .
RUN mkdir -p my_lessons && touch .venv/.installed

EXPOSE 8888
CMD ["make", "lab", "ARGS=--no-browser --ip=0.0.0.0 --port=8888"]
