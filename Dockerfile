# syntax=docker/dockerfile:1

FROM node:24-trixie-slim AS playground
WORKDIR /build/web-playground
COPY web-playground/package.json web-playground/package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci --no-audit --no-fund
COPY examples/*.graphql ../examples/
COPY clients/src ../clients/src
COPY web-playground ./
RUN npm run build

FROM rust:1.95-trixie AS program
WORKDIR /build
COPY . .
# The target folder is a cache between builds and not part of the layer, hence the copy.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --release --locked --bin millrace && cp target/release/millrace /usr/local/bin/millrace

FROM debian:trixie-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates tzdata \
    && rm -rf /var/lib/apt/lists/* \
    # Volumes that are mounted here for the first time take over the owner.
    && install --directory --owner=10001 --group=10001 --mode=0700 /keys/command /keys/query
COPY --from=program /usr/local/bin/millrace /usr/local/bin/millrace
COPY --from=playground /build/web-playground/dist /usr/share/millrace/playground
# In a container the loopback default would be reachable by nobody. The operators' port stays there, for the health check.
ENV MILLRACE_HTTP__LISTEN=0.0.0.0:4000 \
    MILLRACE_HTTP__PLAYGROUND_FOLDER=/usr/share/millrace/playground
USER 10001:10001
EXPOSE 4000
ENTRYPOINT ["millrace"]
CMD ["serve"]
