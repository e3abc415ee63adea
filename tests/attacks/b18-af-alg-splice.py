#!/usr/bin/python3
# Pages of a file reach the kernel's crypto interface by splice, and no call that writes is ever made: the way by which "Copy Fail"
# (CVE-2026-31431) changed files that it could only read. Here nothing is overwritten: the key is none.
#: title: AF_ALG and splice in place of a write
#: technique: T1068
#: needs: socket_change
#: rules: crypto_socket_by_request
#: twin: a file's pages go to a pipe by splice
import os
import socket

from lib import cannot, did, main

NOBODY = 65534


def splice_into(out):
    """One page of a file of the system's, by way of a pipe."""
    file = os.open("/bin/true", os.O_RDONLY)
    reader, writer = os.pipe()
    moved = os.splice(file, writer, 4096)
    if out is not None:
        moved = os.splice(reader, out, moved)
    for descriptor in (file, reader, writer):
        os.close(descriptor)
    return moved


def attack():
    os.setresuid(NOBODY, NOBODY, NOBODY)
    try:
        algorithm = socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET)
        algorithm.bind(("aead", "authencesn(hmac(sha256),cbc(aes))"))
    except OSError as error:
        cannot(f"this kernel has no AF_ALG: {error}")
    try:
        operation, _ = algorithm.accept()
        splice_into(operation.fileno())
    except OSError as error:
        print(f"refused after the socket was bound: {error}")
    did("AF_ALG aead", "/bin/true")


def twin():
    os.setresuid(NOBODY, NOBODY, NOBODY)
    splice_into(None)
    did("/bin/true")


main(attack, twin)
