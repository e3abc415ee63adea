"""What drivers in Python have in common. They run in $WORK, a folder of their own."""

import ctypes
import json
import os
import sys

libc = ctypes.CDLL(None, use_errno=True)


def did(*paths, **came):
    """Says what was done, as one line of JSON: what it touched, and what came of it (`prevented=` or `doctor=`)."""
    print(json.dumps({"behaviour": os.environ["ID"], "pid": os.getpid(), "paths": paths, **came}), flush=True)


def cannot(why):
    """Ends the driver: this machine can't do it."""
    print(why, flush=True)
    sys.exit(77)


def call(name, *arguments):
    """A function of the C library; an OSError if it fails."""
    ctypes.set_errno(0)
    result = getattr(libc, name)(*arguments)
    if result == -1:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")
    return result


def main(attack, twin, network=None):
    """`network`: lines of shell that set a network of its own up, in which all of it happens."""
    if network is not None and "OWN_NETWORK" not in os.environ:
        os.environ["OWN_NETWORK"] = "yes"
        os.execvp("unshare", ["unshare", "--net", "sh", "-ec", f'{network}\nexec "$@"', "-", *sys.orig_argv])
    {"attack": attack, "twin": twin}[sys.argv[1]]()


def dns_question(name, kind):
    """A message to a name server: RFC 1035, 4.1."""
    import random
    import struct

    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack(">6H", random.randrange(1 << 16), 0x100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", kind, 1)


def victim():
    """A process to be attacked, and the address and size of a buffer of its memory, which it shares with no one."""
    memory = ctypes.create_string_buffer(b"secret", 64)
    child = os.fork()
    if child == 0:
        import signal

        libc.prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
        signal.pause()
    return child, ctypes.addressof(memory), len(memory)


def end(child):
    """Ends a process that was forked."""
    os.kill(child, 9)
    os.waitpid(child, 0)


def vector(address, size):
    """An iovec."""
    import struct

    return ctypes.create_string_buffer(struct.pack("@PN", address, size))


def bpf(command, attributes):
    """bpf(2): its result, and the attributes as they are then."""
    import platform

    number = {"x86_64": 321, "aarch64": 280}[platform.machine()]
    memory = ctypes.create_string_buffer(attributes, 128)
    return call("syscall", number, command, memory, len(memory)), memory.raw


def held_by_sensor(kind):
    """What /proc tells of the BPF objects of a kind (`map_id`, `link_id`) that the sensor's loader holds: dictionaries."""
    folder = f"/proc/{os.environ['LOADER']}/fdinfo"
    for descriptor in os.listdir(folder):
        try:
            with open(f"{folder}/{descriptor}") as file:
                facts = dict(line.split(":", 1) for line in file if ":" in line)
        except OSError:
            continue
        if kind in facts:
            yield {key: value.strip() for key, value in facts.items()}
