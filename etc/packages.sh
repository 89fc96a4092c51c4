#!/bin/sh
# Installs the Debian packages that are missing. Groups: build, demo, test (all of them by default).
# The one list of what this project needs from Debian.
set -eu

packages='
build cmake
build dpkg-dev
build file
build gcc
build libc6-dev
build libfcgi-dev
build libidn2-dev
build libjansson-dev
build libseccomp-dev
build libssl-dev
build libunistring-dev
build libyaml-dev
build make
build pkg-config
demo ca-certificates
demo curl
demo nginx
demo python3
demo python3-aiosmtpd
test buildah
test chromium
test clang-14
test clang-format-14
test clang-tidy-14
test debootstrap
test docker-compose
test dovecot-core
test git
test iproute2
test libclang-rt-14-dev
test libcunit1-dev
test libgsasl-dev
test lintian
test mandoc
test nodejs
test npm
test openssl
test php-cli
test php-curl
test postfix
test prometheus
test python3-requests
test python3-yaml
test spawn-fcgi
test strace
test systemd
test valgrind
test wrk
'

groups=${*:-build demo test}
missing=
for group in $groups; do
    for package in $(printf '%s' "$packages" | awk -v group="$group" '$1 == group {print $2}'); do
        # npm also comes inside the nodejs of others than Debian.
        [ "$package" != npm ] || ! command -v npm > /dev/null || continue
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
    done
done
[ -n "$missing" ] || exit 0

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Installed packages must not start services: they are used on ports and in directories of our own. policy-rc.d is
# Debian's way to say so; it is ours only while the packages are installed.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'as_root rm -f "$policy"' EXIT
    trap 'exit 1' HUP INT TERM
    printf '#!/bin/sh\nexit 101\n' | as_root sh -c "cat > $policy && chmod 755 $policy"
fi
echo "installing:$missing" >&2
as_root apt-get update -q >&2
echo 'postfix postfix/main_mailer_type select No configuration' | as_root debconf-set-selections >&2 || true
# shellcheck disable=SC2086 # a list of words
as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing >&2
