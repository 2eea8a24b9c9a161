# Read by every script of this folder: where things stand, and one way to speak, install and refuse.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
tools=$root/.tools
name=${0##*/}

# uv asks the same index as pip and trusts what the machine trusts, where the machine has a list of that.
[ -z "${PIP_INDEX_URL-}" ] || export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX-$PIP_INDEX_URL}"
[ ! -e /etc/ssl/certs/ca-certificates.crt ] || export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS-1}"
export UV_PYTHON_DOWNLOADS=never

say() { printf '%s: %s\n' "$name" "$*"; }

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
    say "installing $* (apt)"
    mkdir -p "$tools/log"
    log=$tools/log/apt.log
    get="timeout 600 apt-get -o DPkg::Lock::Timeout=120 -qq"
    DEBIAN_FRONTEND=noninteractive $get install -y --no-install-recommends "$@" >"$log" 2>&1 </dev/null && return
    $get update >>"$log" 2>&1 </dev/null || refuse "apt-get update failed, see $log"
    DEBIAN_FRONTEND=noninteractive $get install -y --no-install-recommends "$@" >>"$log" 2>&1 </dev/null ||
        refuse "apt-get install $* failed, see $log"
}

# Sets $uv: the one that ci/nox installed, or the one on PATH.
need_uv() {
    uv=$root/.venv/bin/uv
    [ -x "$uv" ] || uv=$(command -v uv) || refuse "needs uv; run ./ci/nox --version first"
}

engine_answers() { have docker && timeout 10 docker info >/dev/null 2>&1; }
