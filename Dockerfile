FROM node:22-bookworm-slim AS web
WORKDIR /src
COPY web/console web/console
COPY web/sdk/src web/sdk/src
COPY api/testdata/openapi.json api/testdata/
RUN cd web/console && npm ci && npm run build

FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
COPY --from=web /src/web/console/dist/app web/console/dist/app
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$VERSION" -o /roomreel ./cmd/roomreel

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ffmpeg fonts-noto-core fonts-noto-cjk fonts-noto-color-emoji ca-certificates curl \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 roomreel && install -d -o roomreel /data
COPY --from=build /roomreel /usr/local/bin/roomreel
# By number, so that Kubernetes sees that it is not root.
USER 10001
ENV ROOMREEL_LISTEN=0.0.0.0:7890 ROOMREEL_DATA=/data
VOLUME /data
EXPOSE 7890
HEALTHCHECK --interval=10s --start-period=10s CMD curl -fsS http://127.0.0.1:7890/healthz >/dev/null
ENTRYPOINT ["roomreel"]
CMD ["serve"]
