#!/usr/bin/python3
# Many files are rewritten and get another ending, and a note is left.
#: title: Ransomware: mass rename and rewrite
#: technique: T1486
#: needs: file_rename
#: rules: many_files_renamed_as_by_ransomware
#: twin: one file is rewritten by way of a temporary one, as editors do
import os

from lib import did, main


def attack():
    for number in range(200):
        with open(f"report-{number}.txt", "w") as file:
            file.write("data")
        with open(f"report-{number}.txt", "wb") as file:
            file.write(os.urandom(64))
        os.rename(f"report-{number}.txt", f"report-{number}.txt.locked")
    with open("README_TO_DECRYPT.txt", "w") as file:
        file.write("pay")
    did(os.getcwd())


def twin():
    for _ in range(3):
        with open("report.txt.new", "w") as file:
            file.write("data")
        os.rename("report.txt.new", "report.txt")
    did(os.path.abspath("report.txt"))


main(attack, twin)
