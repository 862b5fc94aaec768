# The program in two images: `action` (the last stage, what the GitHub Action runs) holds nothing but the binary and
# the certificate roots; `shell` adds a small POSIX shell, for CI platforms that write their script into the container.
#
#   docker build --tag deploy-hook .
#   docker build --tag deploy-hook:shell --target shell .
#
# The compiler is the image's, not rust-toolchain.toml's: that file asks for clippy and rustfmt too, which nobody
# needs here. Both name the same version.
ARG RUST_IMAGE=rust:1.95-bookworm

FROM ${RUST_IMAGE} AS builder
WORKDIR /build
# Writes into the binary which crates it is made of, for whoever looks for known vulnerabilities in the image, and for the bill of
# materials of a release. It is a program for this machine.
ARG CARGO_AUDITABLE=0.7.7
RUN cargo install --locked --quiet "cargo-auditable@${CARGO_AUDITABLE}"
# No dynamic loader and no libc in the final image: musl, and its compiler for the C in `ring`.
# hadolint ignore=DL3008 # Debian keeps only the newest build of a package, so a pinned version soon cannot be installed
RUN rustup target add "$(uname -m)-unknown-linux-musl" \
 && apt-get update \
 && apt-get install --yes --no-install-recommends musl-tools \
 && rm -rf /var/lib/apt/lists/*
ENV TARGET_CC=musl-gcc
# Dependencies first, with empty sources: they are compiled again only when the manifest or the lock file changes. Tests and
# benches that the manifest names stay empty, since cargo wants them to exist.
COPY .cargo .cargo
COPY Cargo.toml Cargo.lock ./
RUN mkdir src tests benches \
 && echo 'fn main() {}' >src/main.rs \
 && touch src/lib.rs \
 && awk -F '"' '/^\[/ { d = $0 == "[[test]]" ? "tests" : $0 == "[[bench]]" ? "benches" : "" } d && /^name/ { printf "" >(d "/" $2 ".rs") }' Cargo.toml \
 && cargo build --locked --profile dist --bin deploy-hook --target "$(uname -m)-unknown-linux-musl"
COPY contracts contracts
COPY src src
COPY build.rs ./
# For `--version`, as there is no git here: the commit, and the seconds of its date. The release sets both.
ARG SOURCE_COMMIT
ARG SOURCE_DATE_EPOCH
# `touch`: the checkout's files may be older than the empty ones, and cargo goes by the time. The program runs as the Action's
# post step when it is called by the link's name; a folder that holds both is copied as it is, link included.
RUN touch src/main.rs src/lib.rs \
 && target="$(uname -m)-unknown-linux-musl" \
 && cargo auditable build --locked --profile dist --bin deploy-hook --target "$target" \
 && mkdir program \
 && cp "target/$target/dist/deploy-hook" program/deploy-hook \
 && ln -s deploy-hook program/deploy-hook-post \
 && program/deploy-hook --version

# What the final images take from Debian: the public certificate roots, whatever the base image trusts besides, and one static
# busybox under the names a CI script uses.
FROM ${RUST_IMAGE} AS parts
# hadolint ignore=DL3008 # Debian keeps only the newest build of a package, so a pinned version soon cannot be installed
RUN apt-get update \
 && apt-get install --yes --no-install-recommends busybox-static ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 && cat /usr/share/ca-certificates/mozilla/*.crt >/roots.crt \
 && mkdir -p /parts/bin /parts/usr/bin /parts/tmp \
 && chmod 1777 /parts/tmp \
 && cp /bin/busybox /parts/bin/busybox \
 && for name in sh awk base64 cat chmod date env find grep kill ls mkdir rm sleep tail touch; do \
      ln -s busybox "/parts/bin/$name" || exit 1; \
    done \
 && ln -s ../../bin/busybox /parts/usr/bin/env

# For `script:` and `run:` steps. No ENTRYPOINT: the CI platform starts the shell.
FROM scratch AS shell
LABEL org.opencontainers.image.title="deploy-hook" \
      org.opencontainers.image.description="Triggers a hosting platform's deploy hook and follows the deployment; with a POSIX shell" \
      org.opencontainers.image.source="https://github.com/OWNER/deploy-hook" \
      org.opencontainers.image.documentation="https://github.com/OWNER/deploy-hook#readme" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
ENV PATH=/usr/bin:/bin
COPY --from=parts /parts/ /
COPY --from=parts /roots.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=builder /build/program/ /usr/bin/
CMD ["/bin/sh"]

# For the GitHub Action and `docker run`. It runs as root: the runner mounts files of the host's user (outputs, summary)
# that must be written to, and forbids USER for that reason. Nothing else is in here to be run.
FROM scratch AS action
LABEL org.opencontainers.image.title="deploy-hook" \
      org.opencontainers.image.description="Triggers a hosting platform's deploy hook and follows the deployment" \
      org.opencontainers.image.source="https://github.com/OWNER/deploy-hook" \
      org.opencontainers.image.documentation="https://github.com/OWNER/deploy-hook#readme" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY --from=parts /roots.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=builder /build/program/ /
ENTRYPOINT ["/deploy-hook"]
