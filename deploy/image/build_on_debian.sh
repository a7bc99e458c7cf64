#!/bin/sh
# Builds the image from deploy/Dockerfile without Docker and without a container registry, as root on Debian:
#   build_on_debian.sh IMAGE [--build-arg …]
# The base is made by debootstrap from Debian's archive, and Deno comes from the npm registry. It needs the packages
# buildah, debootstrap and npm. WEIR_BUILD_DIR keeps base and layers for the next build. Default: a temporary folder.
set -eu
cd "$(dirname "$0")/../.."
[ $# -ge 1 ] || { sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }
image=$1
shift

suite=bookworm
deno=$(sed -n 's/^ARG DENO_IMAGE=.*:bin-//p' deploy/Dockerfile)
work=${WEIR_BUILD_DIR:-}
if [ -z "$work" ]; then
  work=$(mktemp -d)
  echo "the build is in $work; remove it with: rm -rf $work" >&2
fi
mkdir -p "$work"

# Layers are plain folders below $work: overlay mounts are not allowed everywhere.
buildah() {
  command buildah --root "$work/storage" --runroot "$work/run" --storage-driver vfs "$@"
}

commit_folder() {
  container=$(buildah from scratch)
  buildah copy --quiet "$container" "$1" "$2" > /dev/null
  buildah config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
  buildah commit --quiet --rm "$container" "$3" > /dev/null
}

if [ ! -e "$work/base.done" ]; then
  debootstrap --variant=minbase "$suite" "$work/base" > "$work/debootstrap.log"
  # As the official slim image does.
  rm -rf "$work"/base/usr/share/doc/* "$work"/base/usr/share/man/* "$work"/base/usr/share/locale/* \
    "$work"/base/usr/share/info/* "$work"/base/var/cache/apt/* "$work"/base/var/lib/apt/lists/* "$work"/base/var/log/*
  commit_folder "$work/base" / "localhost/debian:$suite-slim"
  rm -rf "$work/base"
  npm install --silent --no-save --prefix "$work/npm" "deno@$deno" > /dev/null
  install -D "$(find "$work/npm/node_modules/@deno" -name deno -type f | head -n 1)" "$work/deno/deno"
  commit_folder "$work/deno" / "localhost/deno:bin-$deno"
  rm -rf "$work/npm" "$work/deno"
  touch "$work/base.done"
fi

# The registry of this machine may be a mirror with a certificate of its own.
authority=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
buildah bud --isolation chroot --layers=false --pull-never --format docker --file deploy/Dockerfile --tag "$image" \
  --build-arg "BASE_IMAGE=localhost/debian:$suite-slim" --build-arg "DENO_IMAGE=localhost/deno:bin-$deno" \
  --build-arg DENO_CERT=/run/authority.crt --volume "$authority:/run/authority.crt:ro" "$@" .
