# Read by every script of this folder: where things stand, and one way to log, install and refuse.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
tools=$root/.tools
name=${0##*/}

# uv uses the same index as pip and trusts what the machine trusts, where the machine has a list of that.
[ -z "${PIP_INDEX_URL-}" ] || export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX-$PIP_INDEX_URL}"
[ ! -e /etc/ssl/certs/ca-certificates.crt ] || export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS-1}"
export UV_PYTHON_DOWNLOADS=never

# What is installed is compiled at once, and what runs keeps its bytecode, whatever the environment sets.
export UV_COMPILE_BYTECODE=1
unset PYTHONDONTWRITEBYTECODE PYTHONPYCACHEPREFIX

log() { printf '%s: %s\n' "$name" "$*"; }

# Bad input or a machine that cannot: one line, exit 2.
refuse() {
    printf '%s: %s\n' "$name" "$*" >&2
    exit 2
}

have() { command -v "$1" >/dev/null 2>&1; }

# apt_install PACKAGE...: Debian packages, without recommendations; the index is fetched again only if it is too old.
apt_install() {
    have apt-get || refuse "needs $*; install it, this is no Debian"
    [ "$(id -u)" = 0 ] || refuse "needs $*; install it, or run this as root"
    log "installing $* (apt)"
    mkdir -p "$tools/log"
    log=$tools/log/apt.log
    get="timeout 600 apt-get -o DPkg::Lock::Timeout=120 -qq"
    DEBIAN_FRONTEND=noninteractive $get install -y --no-install-recommends "$@" >"$log" 2>&1 </dev/null && return
    $get update >>"$log" 2>&1 </dev/null || refuse "apt-get update failed, see $log"
    DEBIAN_FRONTEND=noninteractive $get install -y --no-install-recommends "$@" >>"$log" 2>&1 </dev/null ||
        refuse "apt-get install $* failed, see $log"
}

# unpack PACKAGE...: Debian's packages and what they need that this machine has not, under .tools, so that it needs no
# root and no server starts by itself. Sets $place, where they lie, $libraries, where their libraries do, and $log.
unpack() {
    { have apt-get && have dpkg-deb; } || refuse "needs $1; install it, this is no Debian"
    log "unpacking Debian's $1"
    place=$tools/$name
    log=$tools/log/$name.log
    rm -rf "$place"
    mkdir -p "$place" "$tools/bin" "$tools/log"
    : >"$log"
    [ "$(id -u)" != 0 ] || timeout 300 apt-get -qq update >"$log" 2>&1 || true
    packages=$(apt-get -s install --no-install-recommends "$@" 2>>"$log" | sed -n 's/^Inst \([^ ]*\) .*/\1/p')
    { [ -n "$packages" ] && (cd "$place" && timeout 300 apt-get download $packages); } >>"$log" 2>&1 ||
        refuse "apt-get download failed, see $log; perhaps apt-get update is due"
    for package in "$place"/*.deb; do
        dpkg-deb -x "$package" "$place"
        rm "$package"
    done
    libraries=$(find "$place" -name 'lib*.so*' -exec dirname {} + | sort -u | paste -sd :)
}

# Sets $uv: the one that ci/nox installed, or the one on PATH.
need_uv() {
    uv=$root/.venv/bin/uv
    [ -x "$uv" ] || uv=$(command -v uv) || refuse "needs uv; run ./ci/nox --version first"
}

engine_answers() { have docker && timeout 10 docker info >/dev/null 2>&1; }
