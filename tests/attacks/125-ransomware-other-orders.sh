#!/bin/bash
# Documents are encrypted in place, by a tool for each and with their names, and written anew beside what is then deleted.
#: title: Ransomware: in place, by tools, and with an ending of its own
#: technique: T1486
#: needs: file_modify, file_rename, file_delete
#: rules: many_documents_replaced
#: twin: as many documents are made and copied, and one is worked on
. "$DRIVERS/lib.sh"

documents() {
	mkdir "$1"
	for number in {1..60}; do echo text >"$1/$number.docx"; done
}

attack() {
	documents place
	python3 - <<-'END'
		import glob
		for path in glob.glob("place/*"):
		    with open(path, "r+b") as file:
		        text = file.read()
		        file.seek(0)
		        file.write(bytes(byte ^ 7 for byte in text))
	END
	documents tool
	for path in tool/*; do
		openssl enc -aes-128-cbc -pbkdf2 -pass pass:word -in "$path" -out "$path.x7k2q"
		rm "$path"
	done
	documents renamed
	python3 - <<-'END'
		import glob, os
		for path in glob.glob("renamed/*"):
		    os.rename(path, path + ".x7k2q")
	END
	did "$WORK/place" "$WORK/tool" "$WORK/renamed"
}

twin() {
	documents made
	cp -r made copied
	cp made/* copied
	for round in {1..60}; do echo "$round" >>made/1.docx; done
	did "$WORK/made" "$WORK/copied"
}

"$1"
