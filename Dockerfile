# A static binary on nothing: no shell, no package manager, no root.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# What patgate version says; without them, the commit that is checked out.
ARG VERSION=
ARG COMMIT=
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -o /out/patgate -ldflags "-s -w -X patgate/cli/gateway.version=$VERSION -X patgate/cli/gateway.commit=${COMMIT:-$(git rev-parse HEAD 2>/dev/null)}" . \
 && install -d -m 0700 -o 65532 -g 65532 /out/data /out/keys

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/patgate /patgate
# Mount a volume on each: whoever copies the database must not get the key that opens it.
COPY --from=build --chown=65532:65532 /out/data /data
COPY --from=build --chown=65532:65532 /out/keys /keys
USER 65532:65532
ENV PATGATE_DATA_DIR=/data PATGATE_STORE_KEY_FILE=/keys/patgate.key TMPDIR=/data
EXPOSE 8080
VOLUME ["/data", "/keys"]
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s CMD ["/patgate", "healthcheck"]
ENTRYPOINT ["/patgate"]
CMD ["serve"]
