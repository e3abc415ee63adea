# What the loads have in common; sourced by them. Each is one round of something that servers do all day, and is called with a folder
# that is kept from round to round.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=$(realpath "$1")

# Ends the round where a program is missing: need PROGRAM...
need() {
	local program missing=""
	for program in "$@"; do command -v "$program" >/dev/null || missing="$missing $program"; done
	[ -z "$missing" ] || { echo "these programs are missing, install them:$missing" >&2; exit 1; }
}

# Runs a shell function with copies of the system's folders, in memory and in a mount namespace of its own: the machine stays as it was.
# in_copies FUNCTION WORDS... In $copies there is room for more of this kind.
in_copies() {
	export folder here copies=/mnt
	export -f "$1"
	unshare --mount -- bash -euo pipefail -c '
		mount -t tmpfs tmpfs "$copies"
		for place in /etc /usr /var /opt /home /root; do
			copy=$copies/${place#/}
			mkdir "$copy" "$copy/upper" "$copy/work"
			mount -t overlay overlay -o "lowerdir=$place,upperdir=$copy/upper,workdir=$copy/work" "$place"
		done
		"$@"' - "$@"
}
