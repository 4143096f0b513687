# shellcheck shell=sh
# Configures and compiles a build folder. Sourced by contrib/try and contrib/test, which set `root`.

say() { printf '==> %s\n' "$*"; }

# configure FOLDER ARGUMENT...: `meson setup` once, and again when the arguments or the libraries of
# the system are others. Its many lines are shown only if it fails.
configure() {
  folder=$1
  shift
  inputs="$* $(pkg-config --modversion libuv CLI11 spdlog nlohmann_json 2>/dev/null | tr '\n' ' ')"
  inputs="$inputs $(pkg-config --modversion gtest gmock 2>/dev/null | tr '\n' ' ')"
  if [ ! -f "$folder/build.ninja" ] || [ "$(cat "$folder/inputs" 2>/dev/null)" != "$inputs" ]; then
    say "configuring ${folder#"$root"/}: $*"
    rm -rf -- "$folder"
    mkdir -p -- "$folder"
    if ! meson setup "$folder" "$root" "$@" >"$folder/setup.log" 2>&1; then
      cat "$folder/setup.log"
      return 1
    fi
    printf '%s\n' "$inputs" >"$folder/inputs"
  fi
}

# compile FOLDER TARGET...: with no target, the program and all tests.
compile() {
  folder=$1
  shift
  say "compiling ${folder#"$root"/}"
  meson compile -C "$folder" "$@"
}
