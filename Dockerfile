# syntax=docker/dockerfile:1
# docker build -t sharestack .
# docker run -p 8000:8000 -v sharestack:/data sharestack

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
# gcc comes with the image; make and perl are for the C parts of aws-lc and SQLite.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends make perl \
 && rm -rf /var/lib/apt/lists/*
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --profile dist --package sharestack-app --bin sharestack \
 && install -D -m 755 target/dist/sharestack /out/sharestack

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin sharestack \
 && install -d -o sharestack -g sharestack /data
COPY --from=build /out/sharestack /usr/local/bin/sharestack
COPY scripts/healthcheck.sh /usr/local/bin/sharestack-healthcheck
COPY config /etc/sharestack
ENV SHARESTACK_CONFIG_DIR=/etc/sharestack \
    DATA_DIR=/data
USER sharestack
WORKDIR /data
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 CMD ["sharestack-healthcheck"]
ENTRYPOINT ["sharestack"]
CMD ["serve"]
