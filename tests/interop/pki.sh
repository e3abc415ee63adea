#!/usr/bin/env bash
# A throw-away PKI for tests. usage: pki.sh DIR
#
# DIR/ca        signs server, client, and their revoked and expired sisters; ca.crl names the revoked ones
# DIR/rogue     a client that a CA of the same name signed, with another key
# Every file is readable by everybody: the sensor's pipeline is a user of its own, and nothing here is a secret.
set -euo pipefail
[ $# = 1 ] || { echo "usage: $0 DIR" >&2; exit 2; }
mkdir -p "$1"
cd "$1"
umask 022
exec 2> >(grep -v '^Certificate request self-signature ok$\|^subject=' >&2)

key() { openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key" 2>/dev/null ||
	openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out "$1.key"; }

authority() { # name of the files
	key "$1"
	openssl req -x509 -new -key "$1.key" -days 30 -subj '/CN=Guardbee test CA' -out "$1.crt" \
		-addext 'basicConstraints=critical,CA:TRUE' -addext 'keyUsage=critical,keyCertSign,cRLSign'
}

leaf() { # name, server or client, CA, days from now at which it ends
	key "$1"
	openssl req -new -key "$1.key" -subj "/CN=$1" -out "$1.csr"
	printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=%sAuth\nbasicConstraints=CA:FALSE\nauthorityKeyIdentifier=keyid\n' \
		"$2" >"$1.ext"
	: >"$3.index"
	openssl ca -batch -notext -config ca.cnf -name "$3" -in "$1.csr" -out "$1.crt" -extfile "$1.ext" \
		-startdate 20240101000000Z -enddate "$(date -u -d "$4 days" +%Y%m%d%H%M%SZ)" >/dev/null 2>"$1.log" ||
		{ cat "$1.log" >&2; return 1; }
	rm -f "$1.csr" "$1.ext" "$1.log"
}

section() {
	printf '[%s]\ndatabase=%s.index\nnew_certs_dir=.\nserial=%s.serial\nrand_serial=yes\ndefault_md=sha256\npolicy=any\n' "$1" "$1" "$1"
	printf 'certificate=%s.crt\nprivate_key=%s.key\ndefault_crl_days=30\nunique_subject=no\ncrlnumber=crlnumber\ncrl_extensions=crl\n' "$1" "$1"
}
{ section ca; section rogue-ca; printf '[any]\ncommonName=supplied\n[crl]\nauthorityKeyIdentifier=keyid\n'; } >ca.cnf
echo 01 >crlnumber # with a number it is a version 2 list, the only one that rustls takes

authority ca
authority rogue-ca
leaf server server ca +30
leaf client client ca +30
leaf expired client ca -1
leaf revoked-client client ca +30
leaf revoked-server server ca +30
leaf rogue client rogue-ca +30

: >ca.index
for name in revoked-client revoked-server; do
	openssl ca -config ca.cnf -name ca -revoke $name.crt 2>/dev/null
done
openssl ca -config ca.cnf -name ca -gencrl -out ca.crl 2>/dev/null
rm -f ca.cnf crlnumber* ./*.index* ./*.serial* ./[0-9A-F]*.pem
chmod 755 .
chmod 644 ./*
