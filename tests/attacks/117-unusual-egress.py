#!/usr/bin/python3
# A workload that speaks to one peer for all its life speaks to another one.
#: title: Egress outside of the workload's profile
#: technique: T1041
#: needs: profile
#: twin: it speaks to its peer again
import socket

from lib import did, main


def speak(host):
    with socket.create_server((host, 0)) as server:
        socket.create_connection(server.getsockname()).close()
    did(host)


def attack():
    for _ in range(20):
        speak("127.0.0.1")
    speak("127.0.0.99")


main(attack, lambda: speak("127.0.0.1"))
