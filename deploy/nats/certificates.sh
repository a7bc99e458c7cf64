#!/bin/sh
# Issues certificates for a NATS cluster, with a CA that is made at the first call:
#   certificates.sh DIR server n1 n1.nats.internal 10.0.0.1     # a server: a name, and the addresses clients use for it
#   certificates.sh DIR client ingress                          # a client, for mTLS
# It writes DIR/NAME.crt and DIR/NAME.key. DIR/ca.crt goes to every server and client; DIR/ca.key stays where it is.
set -eu
umask 077

usage() {
  sed -n '2,5s/^# \{0,1\}//p' "$0" >&2
  exit 2
}
[ $# -ge 3 ] || usage
dir=$1 kind=$2 name=$3
shift 3

case $kind in
  server) [ $# -ge 1 ] || usage; usage_of_key="serverAuth,clientAuth" ;; # a server is the client of its routes
  client) [ $# -eq 0 ] || usage; usage_of_key="clientAuth" ;;
  *) usage ;;
esac

new_key() {
  openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out "$1"
}

mkdir -p "$dir"
if [ ! -e "$dir/ca.key" ]; then
  new_key "$dir/ca.key"
  openssl req -x509 -new -key "$dir/ca.key" -days 3650 -subj "/CN=NATS CA" -out "$dir/ca.crt" \
    -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign,cRLSign"
fi

extensions=$(mktemp)
trap 'rm -f "$extensions"' EXIT
{
  echo "basicConstraints=critical,CA:FALSE"
  echo "keyUsage=critical,digitalSignature"
  echo "extendedKeyUsage=$usage_of_key"
  names=""
  for address in "$@"; do
    case $address in
      *:*) names="$names,IP:$address" ;;
      *[!0-9.]*) names="$names,DNS:$address" ;;
      *) names="$names,IP:$address" ;;
    esac
  done
  [ -z "$names" ] || echo "subjectAltName=${names#,}"
} > "$extensions"

# The new files replace the old ones only once both are complete.
new_key "$dir/$name.key.new"
openssl req -new -key "$dir/$name.key.new" -subj "/CN=$name" |
  openssl x509 -req -CA "$dir/ca.crt" -CAkey "$dir/ca.key" -set_serial "0x$(openssl rand -hex 16)" \
    -days "${CERTIFICATE_DAYS:-365}" -extfile "$extensions" -out "$dir/$name.crt.new" 2>/dev/null
mv "$dir/$name.key.new" "$dir/$name.key"
mv "$dir/$name.crt.new" "$dir/$name.crt"
chmod 644 "$dir/ca.crt" "$dir/$name.crt"
echo "$dir/$name.crt is valid until $(openssl x509 -noout -enddate -in "$dir/$name.crt" | cut -d= -f2)"
