#!/usr/bin/python3
# A library is forced into a program by a variable that stands behind hundreds of others.
#: title: Long environment
#: technique: T1574.006
#: needs: exec
#: rules: environment_hides_its_end
#: twin: a program is given as many variables as clusters give
import os
import subprocess

from lib import did, main

LIBRARY = "/var/tmp/guardbee-attack.so"


def run(environment):
    subprocess.run(["/usr/bin/id"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)


def attack():
    open(LIBRARY, "w").close()
    try:
        run({f"V{number}": "x" for number in range(600)} | {"LD_PRELOAD": LIBRARY})
    finally:
        os.remove(LIBRARY)
    did(LIBRARY)


def twin():
    run({f"SERVICE_{number}_PORT": "tcp://10.0.0.1:443" for number in range(400)} | {"LD_BIND_NOW": "1"})
    did("/usr/bin/id")


main(attack, twin)
