# shellcheck shell=sh
# Configures and compiles a build folder. Sourced by contrib/try and contrib/test, which set `root`.

say() { printf '==> %s\n' "$*"; }

# configure FOLDER ARGUMENT...: `meson setup` once, and again when the arguments are others. Its many
# lines are shown only if it fails.
configure() {
  folder=$1
  shift
  if [ ! -f "$folder/build.ninja" ] || [ "$(cat "$folder/arguments" 2>/dev/null)" != "$*" ]; then
    say "configuring ${folder#"$root"/}: $*"
    rm -rf -- "$folder"
    mkdir -p -- "$folder"
    if ! meson setup "$folder" "$root" "$@" >"$folder/setup.log" 2>&1; then
      cat "$folder/setup.log"
      return 1
    fi
    printf '%s\n' "$*" >"$folder/arguments"
  fi
}

# compile FOLDER TARGET...: with no target, the program and all tests.
compile() {
  folder=$1
  shift
  say "compiling ${folder#"$root"/}"
  meson compile -C "$folder" "$@"
}
