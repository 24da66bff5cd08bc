# SPDX-License-Identifier: MIT
"""Sends a file of commands to a redis server on a socket, prints what came back in short, and ends the server.

The last command's answer ends with "finished": what has not been answered when a server ends is lost.

  redis_client.py SOCKET FILE
"""
import hashlib
import socket
import sys
import threading
import time

WAIT_SECONDS = 20


def connected(path):
    """A connection to the server, which may be only starting."""
    until = time.monotonic() + WAIT_SECONDS
    while True:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(path)
            return connection
        except (FileNotFoundError, ConnectionRefusedError):
            connection.close()
            if time.monotonic() > until:
                sys.exit(f"no server on {path}")
            time.sleep(0.002)


def main():
    path, commands = sys.argv[1:]
    with open(commands, "rb") as file:
        text = file.read()
    connection = connected(path)
    connection.settimeout(WAIT_SECONDS)
    # Replies are read while commands are sent, or both sides would wait for each other.
    sender = threading.Thread(target=connection.sendall, args=(text,), daemon=True)
    sender.start()
    replies, length, last = hashlib.sha256(), 0, b""
    while not last.endswith(b"finished\r\n"):
        part = connection.recv(1 << 16)
        if not part:
            sys.exit("the server closed the connection")
        replies.update(part)
        length += len(part)
        last = (last + part)[-10:]
    sender.join()
    print(length, replies.hexdigest())
    connection.sendall(b"*2\r\n$8\r\nSHUTDOWN\r\n$6\r\nNOSAVE\r\n")


main()
