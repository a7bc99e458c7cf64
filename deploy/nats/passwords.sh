#!/bin/sh
# Adds a password for each user of users.conf that has none there yet: passwords.sh passwords.conf < users.conf
# Without a file it prints one for each user.
set -eu
umask 077
file=${1-}

passwords() {
  grep -o '\$[A-Z0-9_]*_PASSWORD' | sort -u | while read -r name; do
    if [ -n "$file" ] && grep -q "^${name#?}:" "$file"; then continue; fi
    printf '%s: "%s"\n' "${name#?}" "$(openssl rand -hex 24)"
  done
}

if [ -n "$file" ]; then
  : >> "$file"
  passwords >> "$file"
else
  passwords
fi
