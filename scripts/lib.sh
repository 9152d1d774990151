# What scripts/demo and scripts/test share. Sourced by bash scripts; changes to the top of the checkout.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Everything that building, testing and demonstrating the core takes.
core_packages=(g++ cmake ninja-build pkg-config libssl-dev zlib1g-dev libc-ares-dev libcmocka-dev libcli11-dev python3
  ca-certificates)
peers="$PWD/build/peers"

bold='' plain=''
if [ -t 1 ]; then bold=$'\033[1m' plain=$'\033[0m'; fi

say() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else die "this needs root: run it as root, or install sudo"
  fi
}

is_installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

is_checkout() { git rev-parse HEAD >/dev/null 2>&1; }

is_available() { apt-cache policy "$1" 2>/dev/null | grep "Candidate: [^(]" >/dev/null; }

# Installs those of the named packages that are not there; asks the network for nothing if none is missing.
install_packages() {
  local missing=() package
  command -v dpkg-query >/dev/null || die "this script knows Debian and Ubuntu; elsewhere install by hand: $*"
  for package in "$@"; do is_installed "$package" || missing+=("$package"); done
  [ ${#missing[@]} -gt 0 ] || return 0
  say "installing ${missing[*]}"
  refresh_package_lists
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"
}

refresh_package_lists() {
  [ -z "${package_lists_are_fresh:-}" ] || return 0
  as_root apt-get update -q
  package_lists_are_fresh=1
}

# configure_and_build PRESET: build/PRESET, see CMakePresets.json. `jobs` can be lowered by HAWSER_JOBS.
configure_and_build() {
  if command -v ccache >/dev/null; then
    export CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache
  fi
  say "building $1 in build/$1"
  cmake --preset "$1"
  cmake --build --preset "$1" --parallel "$(jobs_to_run)"
}

jobs_to_run() { echo "${HAWSER_JOBS:-$(nproc)}"; }

# Tests wait for their peers and deadlines more than they compute.
tests_to_run() { echo $((2 * $(jobs_to_run))); }
