#!/bin/bash
# A script encrypts many files by a tool that the system has, one after another: none is renamed.
#: title: Ransomware: a script and a tool of the system
#: technique: T1486
#: needs: file_create
#: rules: many_files_made_as_by_ransomware
#: twin: many files are packed one by one
. "$DRIVERS/lib.sh"

attack() {
	for number in $(seq 40); do
		echo data >"report-$number.txt"
		openssl enc -aes-128-cbc -pbkdf2 -iter 1 -pass pass:x -in "report-$number.txt" -out "report-$number.txt.locked"
		rm "report-$number.txt"
	done
	echo pay >README_TO_DECRYPT.txt
	did "$WORK"
}

twin() {
	for number in $(seq 40); do
		echo data >"report-$number.txt"
		gzip "report-$number.txt"
	done
	did "$WORK"
}

"$1"
