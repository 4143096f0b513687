# shellcheck shell=sh
# What smtpseal is built and tested with, on each system, and how to install what is missing.
# Sourced by contrib/try and contrib/test after contrib/lib/build.sh, whose say() is used.
#
# What is there is asked of the tools themselves (a command, a pkg-config module), not of the
# package manager, so anything installed by other means counts. Only what is missing is installed,
# and it is said beforehand. mbedTLS and inih are not among it: contrib/fetch-sources brings them.

# One line a need: group, kind (a command, a pkg-config module, a file on Linux), its name, then the
# package on Debian and Ubuntu, Fedora, Arch, Alpine and with Homebrew; `-`: comes with something
# else, or is not there (a wrap may stand in). Group `build` is required; `test` too, for
# contrib/test; `peer` are real mail programs and TLS servers: tests that lack one are skipped.
# contrib/fetch-peers brings those that cannot be installed side by side.
dependency_table() {
  cat <<'TABLE'
build tool c++           g++                gcc-c++      gcc           g++           -
build file /usr/include/stdlib.h libc6-dev glibc-devel glibc musl-dev -
build file /etc/ssl/certs/ca-certificates.crt ca-certificates - ca-certificates ca-certificates -
build tool meson         meson              meson        meson         meson         meson
build tool ninja         ninja-build        ninja-build  ninja         ninja-build   ninja
build tool pkg-config    pkg-config         pkgconfig    pkgconf       pkgconf       pkgconf
build tool python3       python3            python3      python        python3       python3
build lib  libuv         libuv1-dev         libuv-devel  libuv         libuv-dev     libuv
build lib  CLI11         libcli11-dev       cli11-devel  cli11         -             cli11
build lib  spdlog        libspdlog-dev      spdlog-devel spdlog        spdlog-dev    spdlog
build lib  fmt           libfmt-dev         fmt-devel    fmt           fmt-dev       fmt
build lib  nlohmann_json nlohmann-json3-dev json-devel   nlohmann-json nlohmann-json nlohmann-json
test  lib  gtest         libgtest-dev       gtest-devel  gtest         gtest-dev     googletest
test  lib  gmock         libgmock-dev       gmock-devel  gtest         gtest-dev     googletest
peer  tool strace        strace             strace       strace        strace        -
peer  tool ip            iproute2           iproute      iproute2      iproute2      -
peer  tool unshare       util-linux         util-linux   util-linux    util-linux    -
peer  tool openssl       openssl            openssl      openssl       openssl       openssl@3
peer  tool curl          curl               curl         curl          curl          curl
peer  tool swaks         swaks              swaks        -             swaks         swaks
peer  tool postfix       postfix            postfix      postfix       postfix       -
peer  tool saslpasswd2   sasl2-bin          cyrus-sasl   cyrus-sasl    cyrus-sasl    -
peer  file /usr/share/doc/libsasl2-modules libsasl2-modules - - - -
peer  tool gnutls-serv   gnutls-bin         gnutls-utils gnutls        gnutls-utils  gnutls
peer  tool stunnel       stunnel4           stunnel      stunnel       stunnel       stunnel
peer  tool msmtp         msmtp              msmtp        msmtp         msmtp         msmtp
peer  tool mutt          mutt               mutt         mutt          mutt          mutt
peer  tool s-nail        s-nail             s-nail       s-nail        -             -
peer  tool php           php-cli            php-cli      php           -             php
peer  tool node          nodejs             nodejs       nodejs        nodejs        node
peer  file /usr/share/nodejs/nodemailer/package.json node-nodemailer - - - -
peer  tool java          default-jre-headless java-latest-openjdk-headless jre-openjdk-headless - -
peer  tool ecj           ecj                ecj          -             -             -
peer  file /usr/share/java/jakarta-mail.jar libjakarta-mail-java - - - -
peer  file /usr/share/java/javax.mail.jar libmail-java - - - -
peer  tool systemd-analyze systemd          systemd      systemd       -             -
peer  tool qemu-x86_64 qemu-user        qemu-user    qemu-user     qemu-x86_64   -
TABLE
}

# Prints what dependency_table calls this system: debian, fedora, arch, alpine, brew, or nothing.
package_system() {
  if [ "$(uname -s)" = Darwin ]; then
    if command -v brew >/dev/null 2>&1; then echo brew; fi
    return
  fi
  [ -r /etc/os-release ] || return 0
  for id in $(sed -n 's/^ID=//p; s/^ID_LIKE=//p' /etc/os-release | tr -d '"'\'); do
    case $id in
      debian | ubuntu) echo debian && return ;;
      fedora | rhel | centos) echo fedora && return ;;
      arch) echo arch && return ;;
      alpine) echo alpine && return ;;
    esac
  done
}

# is_present KIND NAME
is_present() {
  case $1 in
    # Daemons live in sbin, which need not be in a user's search path.
    tool) PATH=$PATH:/usr/sbin:/sbin command -v "$2" >/dev/null 2>&1 ;;
    lib) command -v pkg-config >/dev/null 2>&1 && pkg-config --exists "$2" ;;
    file) [ "$(uname -s)" = Darwin ] || [ -e "$2" ] ;;
  esac
}

# missing_packages SYSTEM GROUP prints what has to be installed, one name a line.
missing_packages() {
  case $1 in
    debian) column=4 ;;
    fedora) column=5 ;;
    arch) column=6 ;;
    alpine) column=7 ;;
    brew) column=8 ;;
  esac
  dependency_table | awk -v group="$2" -v column="$column" '
    $1 == group && $column != "-" { print $2, $3, $column }' |
    while read -r kind name package; do
      is_present "$kind" "$name" || echo "$package"
    done | sort -u
}

# missing_names GROUP prints what cannot be found, as a person would name it.
missing_names() {
  dependency_table | awk -v group="$1" '$1 == group { print $2, $3 }' |
    while read -r kind name; do
      is_present "$kind" "$name" || printf ' %s' "$name"
    done
}

# Runs a command as root: as it is, or with sudo or doas. Status 126 if there is no way to.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null 2>&1; then
    sudo "$@"
  elif command -v doas >/dev/null 2>&1; then
    doas "$@"
  else
    return 126
  fi
}

# install_command SYSTEM prints the command that installs the packages which follow it. Nothing is
# ever removed to make room.
install_command() {
  case $1 in
    debian) echo 'apt-get install --yes --no-install-recommends --no-remove' ;;
    fedora) echo 'dnf install --assumeyes --setopt=install_weak_deps=False' ;;
    arch) echo 'pacman -Sy --needed --noconfirm' ;;
    alpine) echo 'apk add --update-cache' ;;
    brew) echo 'brew install' ;;
  esac
}

# install_packages SYSTEM NAME...
install_packages() {
  system=$1
  shift
  case $system in
    brew) brew install "$@" ;;
    debian)
      # A fresh system has no package lists, an old one has stale ones.
      as_root apt-get --quiet --quiet update || say 'the package lists could not be refreshed'
      install_on_debian "$@"
      ;;
    *)
      # shellcheck disable=SC2046  # a command and its options
      as_root $(install_command "$system") "$@"
      ;;
  esac
}

# Debian starts the daemons it installs. Ours are for tests, which start their own with their own
# configuration: nothing may listen when this is over, nor at the next boot. Postfix asks what to
# configure; the answer is nothing. Where something decides about starting daemons, it stays.
install_on_debian() {
  # shellcheck disable=SC2016  # expanded by the inner shell
  as_root env DEBIAN_FRONTEND=noninteractive "PATH=$PATH:/usr/sbin:/sbin" sh -eu -c '
    policy=/usr/sbin/policy-rc.d
    mine=no
    clean_up() { [ "$mine" = no ] || rm -f "$policy"; }
    trap clean_up EXIT
    trap "exit 130" INT
    trap "exit 143" TERM
    case " $* " in
      *" postfix "*)
        echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections
        ;;
    esac
    case " $* " in
      *" postfix "* | *" stunnel4 "*)
        if [ ! -e "$policy" ]; then
          mine=yes
          printf "#!/bin/sh\nexit 101\n" >"$policy"
          chmod 755 "$policy"
        fi
        ;;
    esac
    apt-get install --yes --no-install-recommends --no-remove --quiet --quiet \
      -o Dpkg::Use-Pty=0 "$@" >/dev/null
    case " $* " in
      *" postfix "*) update-rc.d postfix disable >/dev/null 2>&1 || true ;;
    esac
  ' sh "$@"
}

# install_dependencies GROUP...: installs what the groups lack. Returns 1 if something required is
# missing afterwards; of what is only for some tests it says so and goes on.
install_dependencies() {
  system=$(package_system)
  for group in "$@"; do
    [ -n "$(missing_names "$group")" ] || continue
    packages=
    [ -z "$system" ] || packages=$(missing_packages "$system" "$group" | tr '\n' ' ')
    if [ -n "$packages" ]; then
      say "installing, to $group: $packages"
      # shellcheck disable=SC2086  # a list of names
      if ! install_packages "$system" $packages; then
        say 'that did not work; by hand it would be, as root:'
        say "    $(install_command "$system") $packages"
      fi
    fi
    hash -r
    names=$(missing_names "$group")
    [ -n "$names" ] || continue
    case $group in
      peer) say "not here, tests that talk to them are skipped:$names" ;;
      *)
        # A wrap stands in for a library; nothing stands in for a command.
        say "still missing:$names"
        for name in c++ meson ninja pkg-config python3; do
          case " $names " in
            *" $name "*)
              say "install $name and run this again"
              return 1
              ;;
          esac
        done
        say 'Meson will try to build the missing libraries from source'
        ;;
    esac
  done
}
