"""A stand-in for an emulator: listens on a port and answers each connection with its process id."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys


def main(port: int, mood: str) -> None:
    if mood == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if mood == "broken":
        sys.exit("this one cannot start")
    if mood == "parent":
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    with socket.create_server(("127.0.0.1", port)) as server:
        print("listening", flush=True)
        while True:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"here")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
