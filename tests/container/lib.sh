# shellcheck shell=bash
# For the scripts in this folder: a container engine, the project's images, and pytest. Sourced from the repository's root.

# shellcheck source=.ci/lib.sh
source .ci/lib.sh

# Some machines that test this project have no Docker and reach no registry, and bring what they need in this folder.
shared=../shared/tools
# The image the Dockerfile compiles in.
base=$(sed -n 's/^ARG RUST_IMAGE=//p' Dockerfile)

need_engine() {
  if docker version >/dev/null 2>&1; then
    echo "engine: $(docker version --format '{{.Server.Version}}'), as it was there"
  elif [[ -f $shared/engine.sh ]]; then
    bash "$shared/engine.sh"
  else
    skip 'there is no container engine (docker version)'
  fi
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

# build TARGET: as deploy-hook-test:TARGET.
build() {
  local begin=$SECONDS tag=deploy-hook-test:$1 log
  if ! log=$(docker build --target "$1" --tag "$tag" . 2>&1); then
    tail -n 60 <<<"$log" >&2
    return 1
  fi
  echo "built $tag in $((SECONDS - begin))s"
}

# build_with NAME PACKAGE: the base image with one of Debian's packages, as deploy-hook-test:NAME.
build_with() {
  docker build --quiet --tag "deploy-hook-test:$1" - >/dev/null <<DOCKERFILE
FROM $base
RUN apt-get update -qq && apt-get install -qq --no-install-recommends $2 >/dev/null && rm -rf /var/lib/apt/lists/*
DOCKERFILE
}
