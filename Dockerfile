# Build with an engine that keeps health checks (buildah: --format docker). The configuration is to be mounted at
# /etc/fcgi-smtp/fcgi-smtp.yaml; the one inside only says where to listen and makes the program tell what is missing.
FROM docker.io/library/debian:bookworm-slim AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates cmake gcc libc6-dev libfcgi-dev libidn2-dev \
    libjansson-dev libseccomp-dev libssl-dev libunistring-dev libyaml-dev ninja-build pkg-config
COPY . /source
RUN cmake -S /source -B /build -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=/usr \
          -DBUILD_TESTING=OFF \
 && cmake --build /build \
 && cmake --install /build --strip

# What runs, and nothing else: the program and its libraries, iconv's converters, the CA bundle and a user.
RUN set -eu; \
    root=/root-of-image; lib=/usr/lib/$(gcc -print-multiarch); \
    mkdir -p $root/usr/bin $root/usr/lib $root$lib $root/etc/ssl/certs $root/etc/fcgi-smtp $root/tmp $root/run/fcgi-smtp; \
    ln -s usr/lib $root/lib; \
    if [ -e /lib64 ]; then mkdir -p $root/usr/lib64; ln -s usr/lib64 $root/lib64; fi; \
    cp /usr/bin/fcgi-smtp $root/usr/bin/; \
    ldd /usr/bin/fcgi-smtp | grep -o '/[^ ]*' | while read -r file; do \
        mkdir -p "$root$(dirname "$file")"; cp -L "$file" "$root$file"; done; \
    cp -a $lib/gconv $root$lib/; \
    cp -L $lib/libnss_files.so.2 $lib/libnss_dns.so.2 $root$lib/; \
    printf 'passwd: files\ngroup: files\nhosts: files dns\n' > $root/etc/nsswitch.conf; \
    cp /etc/ssl/certs/ca-certificates.crt $root/etc/ssl/certs/; \
    cp -L /etc/ssl/openssl.cnf $root/etc/ssl/; \
    mkdir -p $root/usr/lib/ssl; ln -s /etc/ssl/certs $root/usr/lib/ssl/certs; \
    ln -s /etc/ssl/certs/ca-certificates.crt $root/usr/lib/ssl/cert.pem; \
    ln -s /etc/ssl/openssl.cnf $root/usr/lib/ssl/openssl.cnf; \
    echo 'fcgi-smtp:x:65532:65532:fcgi-smtp:/:/usr/sbin/nologin' > $root/etc/passwd; \
    echo 'fcgi-smtp:x:65532:' > $root/etc/group; \
    cp /source/etc/container.yaml $root/etc/fcgi-smtp/fcgi-smtp.yaml; \
    chmod 1777 $root/tmp; chown 65532:65532 $root/run/fcgi-smtp

FROM scratch
LABEL org.opencontainers.image.title="fcgi-smtp" \
      org.opencontainers.image.description="A FastCGI application that gives nginx a mail API" \
      org.opencontainers.image.licenses="BSD-2-Clause"
COPY --from=build /root-of-image /
USER 65532:65532
EXPOSE 9000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=6s --retries=3 CMD ["/usr/bin/fcgi-smtp", "--health"]
ENTRYPOINT ["/usr/bin/fcgi-smtp"]
