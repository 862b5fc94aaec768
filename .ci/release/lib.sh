# shellcheck shell=bash
# For the scripts in this folder, which work from the repository's root, with git, jq, sha256sum and, for images, skopeo.
# shellcheck disable=SC2034 # each script uses some of this

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root" || exit

# No build metadata (`+…`): an image's tag cannot hold the plus sign.
semver='(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?'
# An image by its digest, as `docker pull` takes it. A registry's paths are in lower case.
pinned='[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)+@sha256:[0-9a-f]{64}'

manifest_version() { awk -F '"' '/^\[/ { inside = $0 == "[package]" } inside && /^version *=/ { print $2; exit }' Cargo.toml; }

die() {
  echo "${0##*/}: $*" >&2
  exit 1
}

usage() {
  sed -n '2,/^[^#]/ s/^# \{0,1\}//p' "$0" >&2
  exit 2
}
