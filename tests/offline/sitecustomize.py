"""On PYTHONPATH, this file keeps Python and the kernels it starts off the network: lessons never download."""

import ipaddress
import sys

ADDRESS = {  # audit event: which of its arguments says where to
    "socket.connect": 1,
    "socket.sendto": 1,
    "socket.sendmsg": 1,
    "socket.getaddrinfo": 0,
    "socket.gethostbyname": 0,
    "socket.gethostbyaddr": 0,
    "socket.getnameinfo": 0,
}


def is_here(host: object) -> bool:
    """True for this machine itself: no host, localhost, or a loopback address."""
    host = host.decode() if isinstance(host, bytes) else host
    if not host or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def stay_offline(event: str, args: tuple) -> None:
    """Audit hook: Python calls it before every socket operation, and an error raised here prevents it."""
    if event not in ADDRESS:
        return
    address = args[ADDRESS[event]]
    host = address[0] if isinstance(address, tuple) else address
    file_socket = ADDRESS[event] == 1 and not isinstance(address, tuple)
    if not file_socket and not is_here(host):
        raise OSError(f"lessons run without a network, but this one asked for {host!r} ({event})")


sys.addaudithook(stay_offline)
