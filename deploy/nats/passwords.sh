#!/bin/sh
# Writes a password for each user of users.conf: passwords.sh < users.conf > passwords.conf
set -eu
umask 077

grep -o '\$[A-Z0-9_]*_PASSWORD' | sort -u | while read -r name; do
  printf '%s: "%s"\n' "${name#?}" "$(openssl rand -hex 24)"
done
