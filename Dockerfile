# syntax=docker/dockerfile:1
# The image of echelond: the program, certificates and the C library; no shell, no root.
# `docker build --tag echelond:0.1.0 .` needs BuildKit, whose caches keep dependencies from one build to the next.

# The version that Cargo.toml asks for, on the Debian that the runtime is made of.
FROM rust:1.95-slim-trixie AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    cargo build --locked --profile dist --package echelon-server \
    && install -D --mode 755 target/dist/echelond /image/usr/local/bin/echelond \
    && install -D --mode 644 LICENSE /image/usr/share/doc/echelond/LICENSE \
    && install --directory --mode 700 /image/var/lib/echelon

FROM gcr.io/distroless/cc-debian13:nonroot
LABEL org.opencontainers.image.title="echelond" \
      org.opencontainers.image.description="Carries unresolved blockers up an organization's hierarchy of Scrum teams" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /image/usr/ /usr/
COPY --from=build --chown=65532:65532 /image/var/lib/echelon/ /var/lib/echelon/
# Reachable from outside the container; all files, those that SQLite sorts in too, on the volume; logs for machines.
ENV ECHELON_LISTEN=0.0.0.0:7400 \
    ECHELON_HTTP_LISTEN=0.0.0.0:7401 \
    ECHELON_DATABASE=sqlite:///var/lib/echelon/echelon.db \
    ECHELON_LOG_FORMAT=json \
    SQLITE_TMPDIR=/var/lib/echelon
USER 65532:65532
WORKDIR /var/lib/echelon
VOLUME /var/lib/echelon
EXPOSE 7400 7401
# gRPC health on 7400, or /readyz on 7401, is for whoever runs the container: there is no program here that could ask.
ENTRYPOINT ["/usr/local/bin/echelond"]
