# The program as an image, without a shell or any other program:
#
#   docker build -t prospector .
#
# Works with and without BuildKit. docs/deploy.md says how to run it.

FROM rust:1.95-slim-bookworm AS build
WORKDIR /build

# The dependencies alone, with nothing of ours: this layer is built again only when one of these
# files changes.
COPY Cargo.toml Cargo.lock ./
COPY .cargo .cargo
RUN mkdir -p src tests/it \
    && touch src/lib.rs tests/it/main.rs \
    && echo 'fn main() {}' > src/main.rs \
    && cargo build --locked --release --bin prospector \
    && rm -r src tests

# No database is asked: queries are checked against .sqlx.
ENV SQLX_OFFLINE=true
COPY .sqlx .sqlx
COPY migrations migrations
COPY openapi.yaml ./
COPY src src
# Files come with the age that they have outside. They must look newer than what was built above.
RUN mkdir -p tests/it \
    && touch src/lib.rs src/main.rs tests/it/main.rs \
    && cargo build --locked --release --bin prospector

# glibc, certificates and nothing else.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /build/target/release/prospector /usr/local/bin/prospector

# A container has an address of its own: loopback would be reached by nobody.
ENV LISTEN_ADDR=0.0.0.0:8080
EXPOSE 8080
USER 65532:65532
STOPSIGNAL SIGTERM

# Whether the process lives. Whether it can serve is for load balancers to ask (GET /readyz): a
# process whose database is away must not be ended for it.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["/usr/local/bin/prospector", "healthcheck"]

ENTRYPOINT ["/usr/local/bin/prospector"]
CMD ["serve"]

ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="prospector" \
      org.opencontainers.image.description="A self-hostable HTTP API that starts and runs LinkedIn prospecting jobs" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.base.name="gcr.io/distroless/cc-debian12:nonroot" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
