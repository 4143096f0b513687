#!/bin/sh
# own_root.sh PACKAGES WORK COMMAND...: runs a command that sees the machine's files with those of
# PACKAGES and of WORK/root laid over them; nothing it writes is seen outside, but in WORK.
#
# To be started by `unshare --mount --pid --uts --fork --kill-child --propagation private`: the
# mounts are gone with the last process, and no process outlives this one. Needs root, and a kernel
# that allows overlay mounts.
set -eu

packages=$1
work=$2
shift 2

# A name and addresses that need no name server.
hostname peer.test
top=$work/top
mkdir -p "$top"
mount -t tmpfs -o mode=755 tmpfs "$top"
mkdir "$top/upper" "$top/scratch" "$top/root"
# Copied, for an overlay takes no folder that lies below another of its folders.
cp -R --preserve=mode,links "$packages/." "$top/upper/"
for each in bin lib lib64 sbin; do
  # Packages may still use the names that became links to folders in /usr.
  if [ ! -L "/$each" ] || [ ! -d "$top/upper/$each" ]; then continue; fi
  mkdir -p "$top/upper/usr/$each"
  cp -R --preserve=mode,links "$top/upper/$each/." "$top/upper/usr/$each/"
  rm -R "$top/upper/$each"
done
[ ! -d "$work/root" ] || cp -R --preserve=mode,links "$work/root/." "$top/upper/"
mount -t overlay -o "lowerdir=/,upperdir=$top/upper,workdir=$top/scratch" overlay "$top/root"
mount --rbind /dev "$top/root/dev"
mount -t proc proc "$top/root/proc"
mkdir -p "$top/root$work"
mount --bind "$work" "$top/root$work"

# Not by exec: the first process of a process namespace is sent no signal it does not handle, and
# what changes its user no longer dies with its parent.
chroot "$top/root" "$@" &
wait $!
