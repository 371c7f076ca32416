"""The network guard that `make test` puts around the lessons: tests/offline/sitecustomize.py."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

OFFLINE = Path(__file__).parent / "offline"
SERVER = "import socket; server = socket.create_server(('127.0.0.1', 0)); "


def run(code):
    environment = os.environ | {"PYTHONPATH": str(OFFLINE)}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)


@pytest.mark.parametrize(
    "code",
    [
        "import socket; socket.getaddrinfo('example.org', 80)",
        "import socket; socket.gethostbyname('example.org')",
        "import socket; socket.create_connection(('192.0.2.1', 80))",
        "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'', ('192.0.2.1', 80))",
        "import urllib.request; urllib.request.urlopen('http://example.org')",
        "import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-c', "
        "'import socket; socket.getaddrinfo(\"example.org\", 80)']))",
    ],
)
def test_the_way_out_is_closed(code):
    done = run(code)
    assert done.returncode and "lessons run without a network" in done.stderr


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_the_machine_itself_can_be_reached(host):
    done = run(SERVER + f"socket.create_connection(({host!r}, server.getsockname()[1]))")
    assert done.returncode == 0, done.stderr
