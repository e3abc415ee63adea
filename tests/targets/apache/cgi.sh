#!/bin/sh
# The hole as a CGI program.
nonce=${QUERY_STRING#nonce=}
nonce=${nonce%%&*}
sleep "$(printf '0.%03d' "${DELAY_MS:-10}")"
out=
[ "$PATH_INFO" != /exec ] || out=$(sh -c id "$nonce")
printf 'Content-Type: text/plain\nContent-Length: %d\n\n%s\n%s' $((${#nonce} + 1 + ${#out})) "$nonce" "$out"
