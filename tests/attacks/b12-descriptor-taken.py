#!/usr/bin/python3
# Root takes a copy of a descriptor of the sensor's.
#: title: Descriptor of the sensor taken
#: technique: T1562.001
#: needs: access
#: rules: descriptor_taken_from_process
#: twin: a process takes one of its own
import os

from lib import call, did, main

PIDFD_GETFD = 438  # on all machines


def take(process, descriptor):
    handle = os.pidfd_open(process)
    os.close(call("syscall", PIDFD_GETFD, handle, descriptor, 0))
    os.close(handle)
    did(f"descriptor {descriptor} of {process}")


main(lambda: take(int(os.environ["LOADER"]), 2), lambda: take(os.getpid(), 2))
