#!/bin/sh
# Runs an image that build_on_debian.sh has built, as a container with the least rights runs it: a read-only root, the
# image's user without capabilities, and no network but loopback. As root:
#   WEIR_BUILD_DIR=DIR run_on_debian.sh IMAGE [NAME=VALUE …]
# NETWORK_OF=PID shares the network of a process, such as `unshare --net sleep infinity`. The process takes the place of
# this one as the first in a process namespace, and ends with it.
set -eu
[ $# -ge 1 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
image=$1
shift

buildah() {
  command buildah --root "$WEIR_BUILD_DIR/storage" --runroot "$WEIR_BUILD_DIR/run" --storage-driver vfs "$@"
}
container=$(buildah from --pull-never "$image")
root=$(buildah mount "$container")
inspected=$(buildah inspect --type image "$image")

# Prints settings of the image, as words for the shell.
words() {
  printf '%s' "$inspected" | node -e '
    const { config } = JSON.parse(require("fs").readFileSync(0, "utf8")).OCIv1;
    const quoted = (word) => "\u0027" + word.replaceAll("\u0027", "\u0027\\\u0027\u0027") + "\u0027";
    console.log(process.argv.slice(1).flatMap((name) => config[name] ?? []).map(quoted).join(" "));' "$@"
}
eval "user=$(words User) directory=$(words WorkingDir)"
eval "set -- $(words Env) \"\$@\" $(words Entrypoint Cmd)"

cat > "$WEIR_BUILD_DIR/enter.sh" <<'ENTER'
set -eu
root=$1 directory=$2 user=$3
shift 3
[ -n "${NETWORK_OF:-}" ] || ip link set lo up
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount -t tmpfs -o nosuid,mode=755 tmpfs "$root/dev"
for device in null zero full random urandom; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mount -o remount,bind,ro "$root"
mount -o remount,ro "$root/dev"
exec env -i /usr/sbin/chroot "$root" setpriv --reuid "${user%:*}" --regid "${user#*:}" --clear-groups --no-new-privs \
  --bounding-set=-all --inh-caps=-all sh -c 'cd "$0" && exec env -i "$@"' "$directory" "$@"
ENTER
if [ -n "${NETWORK_OF:-}" ]; then
  exec nsenter --target "$NETWORK_OF" --net unshare --mount --pid --fork --kill-child \
    sh "$WEIR_BUILD_DIR/enter.sh" "$root" "$directory" "$user" "$@"
fi
exec unshare --net --mount --pid --fork --kill-child sh "$WEIR_BUILD_DIR/enter.sh" "$root" "$directory" "$user" "$@"
