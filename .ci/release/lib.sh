# shellcheck shell=bash
# For the scripts in this folder, which work from the repository's root, with git, jq, sha256sum and, for images, skopeo.
# shellcheck disable=SC2034 # each script uses some of this

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root" || exit

# The binaries of a release, by the names of their assets. action/binary/run.sh asks for them by these names.
binaries=(linux-x86_64 linux-aarch64 macos-x86_64 macos-aarch64 windows-x86_64.exe)
binaries=("${binaries[@]/#/deploy-hook-}")

# No build metadata (`+…`): an image's tag cannot hold the plus sign.
semver='(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?'
# An image by its digest, as `docker pull` takes it. A registry's paths are in lower case.
pinned='[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)+@sha256:[0-9a-f]{64}'

# What stands before a version in a text for users to copy: the Action's tag, the component's, an image's.
names='deploy-hook(/action/binary)?@v|/deploy-hook@|/deploy-hook:'

manifest_version() { awk -F '"' '/^\[/ { inside = $0 == "[package]" } inside && /^version *=/ { print $2; exit }' Cargo.toml; }

# The files with such texts.
naming_files() { git ls-files -z --cached --others --exclude-standard -- README.md SECURITY.md 'docs/*.md' examples templates; }

# other_versions VERSION: what they name instead of it, as FILE:TEXT.
other_versions() {
  local text
  naming_files | xargs -0 grep -HoE "($names)[0-9]+\.[0-9][0-9A-Za-z.-]*" | sed 's/\.$//' | while read -r text; do
    [[ ${text%-shell} =~ [@:v]"$1"$ ]] || echo "$text"
  done
}

die() {
  echo "${0##*/}: $*" >&2
  exit 1
}

usage() {
  sed -n '2,/^[^#]/ s/^# \{0,1\}//p' "$0" >&2
  exit 2
}
