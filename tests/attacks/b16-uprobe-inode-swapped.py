#!/usr/bin/python3
# The library under one of the sensor's uprobes is replaced by another file, which the probe doesn't know.
#: title: Inode swapped under a uprobe
#: technique: T1562
#: needs: extension
#: lacks: no rule compares what a process maps with what is probed
#: twin: the sensor's links are looked at
from lib import cannot, did, held_by_sensor, main


def links():
    return list(held_by_sensor("link_id"))


def attack():
    held = links()
    if not any("uprobe" in " ".join(facts.values()) for facts in held):
        cannot(f"none of the sensor's {len(held)} links is a uprobe: it puts no probe into programs, so there is nothing to swap")
    raise SystemExit("the sensor has uprobes now: swap the file of one, and run a program with it")


main(attack, lambda: did(f"{len(links())} links"))
