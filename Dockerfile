# What `make image` builds: the static binary that `make build` made, the
# certificate authorities of the machine that builds, and nothing else.
FROM scratch

# The authorities in /etc/ssl/certs, and an empty /tmp for --demo, which keeps
# made-up credentials in files. Nothing else is ever written. With a read-only
# root, mount a tmpfs there.
COPY dist/rootfs/ /
COPY LICENSE iam_session_exporter /

ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="iam_session_exporter" \
      org.opencontainers.image.description="Exports the login sessions of Cisco Intersight and Oracle Access Manager to Prometheus." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"

# Where the default --config.file and relative names in arguments are looked for.
WORKDIR /etc/iam_session_exporter

# Numbers, for there is no /etc/passwd, and Kubernetes' runAsNonRoot wants one.
USER 65532:65532

EXPOSE 10987

HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 \
    CMD ["/iam_session_exporter", "healthcheck"]

ENTRYPOINT ["/iam_session_exporter"]
