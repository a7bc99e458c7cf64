#!/bin/sh
# Writes the files of three NATS servers to a folder once, in the image, as compose.yaml does: setup_compose.sh DIR
# The files are readable for every container that mounts the folder: this is for one machine.
set -eu
scripts=$(dirname "$0")
dir=$1
[ ! -e "$dir/done" ] || exit 0

cp "$scripts/server.conf" "$dir/"
{
  echo 'include "./passwords.conf"'
  deno run --cached-only --frozen --allow-net --allow-env --allow-read \
    weir/cli nats-permissions --bucket inventory orders
} > "$dir/users.conf"
sh "$scripts/passwords.sh" < "$dir/users.conf" > "$dir/passwords.conf"
for name in n1 n2 n3; do
  sh "$scripts/certificates.sh" "$dir/certs" server "$name" "$name" localhost
done
mkdir -p "$dir/passwords"
sed -n 's/^\([A-Z0-9_]*\)_PASSWORD: "\(.*\)"$/\1 \2/p' "$dir/passwords.conf" | while read -r name password; do
  printf '%s' "$password" > "$dir/passwords/$(echo "$name" | tr 'A-Z' 'a-z')"
done
chmod -R a+rX "$dir"
touch "$dir/done"
