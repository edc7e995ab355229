"""Starts the API again and again in a twentieth of a second, for tests that kill it.

Run as a process of its own with the number of a listening socket: for each line on its input it
forks a process that serves the API on that socket, and prints its id. The imports are made once.
Waiting connections stay with the socket, as they would with a server that is restarted in place.
"""

import os
import signal
import socket
import sys

import uvicorn

from serving.app import create_app


def main(descriptor: int) -> None:
    """Until the input ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listener = socket.socket(fileno=descriptor)
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            server = uvicorn.Server(uvicorn.Config(create_app(), log_level="warning"))
            server.run(sockets=[listener])
            os._exit(0)
        print(child, flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
