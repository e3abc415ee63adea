#!/usr/bin/python3
# A program lies so deep that its path doesn't fit in any buffer.
#: title: Deep path
#: technique: T1036
#: needs: exec
#: rules: program_ran_from_too_deep_path
#: twin: a program lies deep among a build's folders
import os
import shutil

from lib import did, main


def run_at_depth(top, depth):
    os.makedirs(top)
    here = os.open(top, os.O_RDONLY)
    try:
        for _ in range(depth):
            os.mkdir("d" * 200, dir_fd=here)
            below = os.open("d" * 200, os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = below
        os.fchdir(here)
        shutil.copy("/bin/true", "program")
        assert os.spawnl(os.P_WAIT, "./program", "program") == 0, "it did not run"
    finally:
        os.chdir("/")
        shutil.rmtree(top)
    did(f"{top}/{depth} folders/program")


def attack():
    run_at_depth(f"/dev/shm/guardbee-attack.{os.getpid()}", 40)


def twin():
    run_at_depth(os.environ["WORK"] + "/build", 5)


main(attack, twin)
