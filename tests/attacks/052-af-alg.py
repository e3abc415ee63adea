#!/usr/bin/python3
# A user who isn't root asks the kernel for a cipher by a socket, the way to CVE-2026-31431 ("Copy Fail").
#: title: AF_ALG aead socket by a user who isn't root
#: technique: T1068
#: needs: socket_change
#: rules: crypto_socket_by_request
#: twin: a user hashes by a library
import hashlib
import os
import socket

from lib import cannot, did, main

NOBODY = 65534


def attack():
    os.setresuid(NOBODY, NOBODY, NOBODY)
    try:
        with socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET) as algorithm:
            algorithm.bind(("aead", "authencesn(hmac(sha256),cbc(aes))"))
    except OSError as error:
        cannot(f"this kernel has no AF_ALG: {error}")
    did("AF_ALG aead")


def twin():
    os.setresuid(NOBODY, NOBODY, NOBODY)
    hashlib.sha256(b"x").hexdigest()
    did("sha256")


main(attack, twin)
