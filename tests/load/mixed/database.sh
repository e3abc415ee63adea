#!/usr/bin/env bash
# Database benchmarks: PostgreSQL, which archives what it writes, is set up, asked by pgbench and dumped; then Redis by its own benchmark.
. "$(dirname "$0")/lib.sh"
PATH=$PATH:$(echo /usr/lib/postgresql/*/bin)
need pgbench initdb pg_ctl pg_dump redis-server redis-benchmark redis-cli
seconds=20
data=$folder/data

# Neither runs as root.
as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups -- "$@"; }

rm -rf "$data"
install -d -o 65534 -g 65534 "$data" "$data/archive"
cd "$data"
export PGHOST=$data PGUSER=nobody PGDATABASE=postgres
as_nobody initdb --pgdata="$data/pg" --auth=trust
cat >>"$data/pg/postgresql.conf" <<-CONF
	listen_addresses = ''
	unix_socket_directories = '$data'
	archive_mode = on
	archive_command = 'test ! -f $data/archive/%f && cp %p $data/archive/%f'
CONF
as_nobody pg_ctl --pgdata="$data/pg" --log="$data/log" --wait start
trap 'as_nobody pg_ctl --pgdata="$data/pg" --mode=immediate stop >/dev/null 2>&1 || true' EXIT
as_nobody pgbench --initialize --quiet --scale=3
as_nobody pgbench --time=$seconds --client=4 --jobs=2
as_nobody psql --quiet --command='SELECT pg_switch_wal()'
as_nobody pg_dump --file="$data/dump"
as_nobody pg_ctl --pgdata="$data/pg" --wait stop

as_nobody redis-server --port 0 --unixsocket "$data/redis.sock" --dir "$data" --save '1 1' >/dev/null &
redis=$!
trap 'kill $redis 2>/dev/null || true' EXIT
until redis-cli -s "$data/redis.sock" ping >/dev/null 2>&1; do sleep 0.05; done
redis-benchmark -s "$data/redis.sock" -n 50000 -t get,set -q
redis-cli -s "$data/redis.sock" shutdown
wait $redis
