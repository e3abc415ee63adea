#!/bin/bash
# A database server runs a command, as it does after SQL injection through COPY ... FROM PROGRAM or a user-defined function.
#: title: Database process spawns a program
#: technique: T1190
#: needs: exec
#: rules: database_ran_program
#: twin: PostgreSQL archives its log by the configured command
. "$DRIVERS/lib.sh"

attack() {
	as mysqld sh -c 'id >out'
	did "$WORK/out"
}

twin() {
	mkdir pg_wal
	echo log >pg_wal/000000010000000000000001
	as_installed postgres "$TOOLS/spawn" sh -c 'cp pg_wal/000000010000000000000001 archive'
	did "$WORK/archive"
}

"$1"
