# shellcheck shell=bash
# For the scripts that check this project: the tools, installed when a script first asks for one, pinned, into a folder of their own.
# Sourced from the repository's root.

tools=${XDG_CACHE_HOME:-$HOME/.cache}/deploy-hook-ci

# What cannot be tested on a contributor's machine is no fault there; in CI it is one.
skip() {
  if [[ ${CI:-} == true ]]; then
    echo "this cannot be tested: $*" >&2
    exit 1
  fi
  echo "SKIPPED: $*"
  echo "$*" >>"${CI_SKIPPED:-/dev/null}"
  exit 0
}

# need COMMAND PACKAGE...: a command, from Debian's packages where it is missing.
need() {
  if command -v "$1" >/dev/null; then return; fi
  local as_root=()
  if ((EUID)); then as_root=(sudo); fi
  if ! command -v apt-get >/dev/null || { ((EUID)) && ! command -v sudo >/dev/null; }; then skip "there is no $1"; fi
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends "${@:2}" >/dev/null
}

# The folder's name holds the pins, so that a changed pin is a new folder.
python_tools() {
  local venv
  venv=$tools/python-$(cksum <.ci/requirements.txt | cut -d' ' -f1)
  if ! [[ -e $venv/complete ]]; then
    python3 -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement .ci/requirements.txt
    touch "$venv/complete"
  fi
  PATH=$venv/bin:$PATH
}

# Again only when a pin has changed: npm leaves a copy of the lock file in the folder, and this one beside it.
node_tools() {
  if ! cmp -s .ci/package-lock.json .ci/node_modules/.installed-lock.json; then
    npm ci --silent --no-fund --no-audit --ignore-scripts --prefix .ci
    cp .ci/package-lock.json .ci/node_modules/.installed-lock.json
  fi
  PATH=$PWD/.ci/node_modules/.bin:$PATH
}

# browser_tools NAME: $BROWSER, from Debian's packages where there is none; the $program, built; and an empty $folder, target/NAME.
browser_tools() {
  local browsers=(chromium google-chrome chromium-browser) target=${CARGO_TARGET_DIR:-$PWD/target}
  command -v "${browsers[@]}" >/dev/null || need chromium chromium fonts-dejavu-core fonts-liberation fonts-noto-color-emoji
  BROWSER=$(command -v "${browsers[@]}" | head -n 1)
  node_tools
  cargo build --quiet --locked
  program=$target/debug/deploy-hook folder=$target/$1
  export BROWSER program
  rm -rf "$folder"
  mkdir -p "$folder"
}

# Skipped tests are reported to `.ci/run` too.
run_pytest() {
  local log
  log=$(mktemp)
  PYTHONDONTWRITEBYTECODE=1 python -m pytest "$@" | tee "$log" || { rm "$log" && return 1; }
  sed -n 's/^SKIPPED //p' "$log" >>"${CI_SKIPPED:-/dev/null}"
  rm "$log"
}
