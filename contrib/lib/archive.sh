# shellcheck shell=sh
# The Debian or Ubuntu archive that this machine is configured for, read by an apt with lists,
# caches and settings of its own in a temporary folder ($work), which is gone in the end. The
# archive's signature is checked with the machine's keys. The machine's apt configuration is read,
# never changed. Sourced by contrib/fetch-sources and contrib/fetch-peers, which define say().

work=
clean_up() { [ -z "$work" ] || rm -rf -- "$work"; }
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

is_ubuntu() { [ -r /etc/os-release ] && grep -q '^ID=ubuntu' /etc/os-release; }

# Prints `OPTIONS URI` for every archive of binary packages in the machine's apt configuration, in
# both of apt's formats. Of the options only the key and `trusted` are kept. Security and update
# archives are left out: they carry no whole suite.
configured_archives() {
  eval "$(apt-config shell list Dir::Etc::sourcelist/f parts Dir::Etc::sourceparts/d)"
  for file in "${list:-/etc/apt/sources.list}" "${parts:-/etc/apt/sources.list.d}"/*.list; do
    [ -f "$file" ] || continue
    awk '
      $1 == "deb" {
        line = $0
        sub(/#.*/, "", line)
        options = ""
        if (match(line, /\[[^]]*\]/)) {
          count = split(substr(line, RSTART + 1, RLENGTH - 2), words, " ")
          for (i = 1; i <= count; i++)
            if (words[i] ~ /^(signed-by|trusted)=/) options = options " " words[i]
          line = substr(line, 1, RSTART - 1) substr(line, RSTART + RLENGTH)
        }
        split(line, words, " ")
        print "[" options " ] " words[2] " " words[3]
      }' "$file"
  done
  for file in "${parts:-/etc/apt/sources.list.d}"/*.sources; do
    [ -f "$file" ] || continue
    awk '
      function flush_stanza(    i, j, uri_count, suite_count, uris, suites, options) {
        if (types ~ /(^| )deb( |$)/ && tolower(enabled) !~ /^(no|false|0|off|disable|without)$/) {
          options = ""
          if (key ~ /^\//) { gsub(/ +/, ",", key); options = " signed-by=" key }
          if (tolower(trusted) ~ /^(yes|true|1|on|enable|with)$/) options = options " trusted=yes"
          uri_count = split(uri_list, uris, " ")
          suite_count = split(suite_list, suites, " ")
          for (i = 1; i <= uri_count; i++)
            for (j = 1; j <= suite_count; j++)
              print "[" options " ] " uris[i] " " suites[j]
        }
        types = enabled = key = trusted = uri_list = suite_list = field = ""
      }
      /^#/ { next }
      /^[ \t]*$/ { flush_stanza(); next }
      {
        value = $0
        if ($0 ~ /^[^ \t]/) {
          field = tolower(substr($0, 1, index($0, ":") - 1))
          value = substr($0, index($0, ":") + 1)
        }
        gsub(/^[ \t]+|[ \t]+$/, "", value)
        if (field == "types") types = types " " value
        else if (field == "uris") uri_list = uri_list " " value
        else if (field == "suites") suite_list = suite_list " " value
        else if (field == "enabled") enabled = value
        else if (field == "trusted") trusted = value
        else if (field == "signed-by" && key == "") key = value
      }
      END { flush_stanza() }' "$file"
  done
}

# archive_lines TYPE SUITE:COMPONENT[,COMPONENT]... prints apt's list for these suites of each
# configured archive. TYPE is deb or deb-src.
archive_lines() {
  type=$1
  shift
  configured_archives | awk '
    $NF !~ /(-updates|-security|-backports|\/updates)/ && $0 !~ /security/ {
      sub(/ [^ ]+$/, "")
      if (!seen[$0]++) print
    }' | while read -r archive; do
    for suite in "$@"; do
      echo "$type $archive ${suite%%:*} $(echo "${suite#*:}" | tr , ' ')"
    done
  done
}

# prepare_apt TYPE SUITE:COMPONENT...: makes the temporary folder and reads the archive's lists.
# Fails if there is no archive to ask. After it, `apt-get -c "$work/apt.conf"` is the way to ask.
prepare_apt() {
  command -v apt-get >/dev/null 2>&1 || return 1
  work=$(mktemp -d "${TMPDIR:-/tmp}/smtpseal-archive.XXXXXX")
  chmod 755 "$work"
  mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial" "$work/parts" "$work/download"
  # As root apt drops its rights to download; that user must be able to write here.
  [ "$(id -u)" != 0 ] || chown _apt "$work/download" 2>/dev/null || true
  archive_lines "$@" >"$work/sources.list"
  [ -s "$work/sources.list" ] || return 1
  cat >"$work/apt.conf" <<CONF
Dir::State "$work/state";
Dir::State::lists "$work/state/lists";
Dir::Cache "$work/cache";
Dir::Cache::pkgcache "pkgcache.bin";
Dir::Cache::srcpkgcache "srcpkgcache.bin";
Dir::Etc::sourcelist "$work/sources.list";
Dir::Etc::sourceparts "$work/parts";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "$work/parts";
Acquire::Languages "none";
Acquire::Retries "2";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
#clear APT::Update;
#clear DPkg;
CONF
  say "reading the archive's lists ($*), kept out of this system"
  # One suite that cannot be read is no reason to give up: the lists that came are looked at.
  apt-get -c "$work/apt.conf" -q update >"$work/update.log" 2>&1 || true
  [ -n "$(find "$work/state/lists" -name '*_Sources*' -o -name '*_Packages*' 2>/dev/null)" ] &&
    return 0
  say 'apt could not read any list of the archive:'
  grep '^[EW]:' "$work/update.log" | head -n 5 | sed 's/^/    /'
  return 1
}
