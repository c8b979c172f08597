# ── Toolchain, recipe and root: the same for all services, so that their images share these layers ──
FROM docker.io/library/rust:1.95-slim-bookworm AS toolchain
WORKDIR /src
# Debian keeps one version of each package; the base image pins its release.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates curl g++ python3 python3-pip \
    && rm -rf /var/lib/apt/lists/*
# Recipes of dependencies, and lists of them inside the binaries (for SBOMs: cargo audit bin, syft, trivy).
RUN cargo install --locked --root /usr/local cargo-chef@0.1.78 cargo-auditable@0.7.7 && rm -rf /root/.cargo/registry
COPY scripts/setup scripts/setup
RUN scripts/setup

FROM toolchain AS recipe
COPY . .
RUN cargo chef prepare --recipe-path /recipe.json

# The Debian packages that the programs need, and nothing else: neither a shell nor a package manager.
FROM docker.io/library/debian:bookworm-slim AS root
WORKDIR /packages
RUN apt-get update && apt-get download base-files libc6 libgcc-s1 libstdc++6 netbase \
    && mkdir -p /root-files/var/lib/dpkg/status.d \
    && for package in *.deb; do \
        dpkg-deb --extract "$package" /root-files \
        && dpkg-deb --field "$package" >"/root-files/var/lib/dpkg/status.d/${package%%_*}" || exit 1; \
    done \
    && rm -rf /root-files/usr/share/doc /root-files/usr/share/info /root-files/usr/share/lintian \
        /root-files/usr/lib/x86_64-linux-gnu/gconv /root-files/usr/share/gcc /root-files/usr/share/gdb \
    && mkdir -p /root-files/etc/ssl/certs /root-files/home/bcs /root-files/work \
    && cp /etc/ssl/certs/ca-certificates.crt /root-files/etc/ssl/certs/ \
    && echo 'bcs:x:65532:65532:bcs:/home/bcs:/sbin/nologin' >/root-files/etc/passwd \
    && echo 'bcs:x:65532:' >/root-files/etc/group \
    && chown 65532:65532 /root-files/home/bcs /root-files/work

# ── Dependencies of trainer and drift monitor, with the features that they need together: rebuilt only when these change ──
FROM toolchain AS builder
COPY --from=recipe /recipe.json /recipe.json
RUN cargo chef cook --release --locked --recipe-path /recipe.json --package bcs-trainer --package bcs-drift-monitor
COPY . .

# ── bcs-drift-monitor ──
FROM builder AS program
RUN cargo auditable build --release --locked --bin bcs-drift-monitor --package bcs-trainer --package bcs-drift-monitor

FROM scratch
COPY --from=root /root-files/ /
COPY --from=program /src/target/release/bcs-drift-monitor /opt/bcs/bin/
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="bcs-drift-monitor" \
    org.opencontainers.image.description="Detects when incoming tissue differs from the tissue a model was trained on" \
    org.opencontainers.image.version="$VERSION" \
    org.opencontainers.image.revision="$REVISION" \
    org.opencontainers.image.licenses="MIT OR Apache-2.0"
# Without a delay, memory that was freed is given back at once, and a server's does not climb from run to run.
ENV PATH=/opt/bcs/bin HOME=/home/bcs MIMALLOC_PURGE_DELAY=0
USER 65532:65532
# Reports without REPORTS_BUCKET are in it.
WORKDIR /work
VOLUME /work
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["bcs-drift-monitor", "healthcheck"]
ENTRYPOINT ["bcs-drift-monitor"]
