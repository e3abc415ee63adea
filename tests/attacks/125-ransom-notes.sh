#!/bin/bash
# A letter is left in each folder.
#: title: Ransomware: a note in each folder
#: technique: T1486
#: needs: file_create
#: rules: ransom_note_written
#: twin: a text is written in each folder
. "$DRIVERS/lib.sh"

attack() {
	mkdir one two three four
	for folder in one two three four; do echo pay >$folder/HOW_TO_DECRYPT_FILES.txt; done
	did "$WORK/one/HOW_TO_DECRYPT_FILES.txt"
}

twin() {
	mkdir one two three four
	for folder in one two three four; do echo text >$folder/README.txt; done
	did "$WORK/one/README.txt"
}

"$1"
