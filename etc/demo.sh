#!/bin/sh
# Shows fcgi-smtp at work on this machine: installs the packages, builds, starts a catch-all SMTP server, fcgi-smtp and
# nginx on free loopback ports in one temporary directory, posts a form with an attachment and shows the mail that arrived.
#
#   sh etc/demo.sh           stays up until Ctrl-C
#   sh etc/demo.sh --once    ends after the first mail; status 0 only if it arrived intact
set -eu
source=$(cd "$(dirname "$0")/.." && pwd)
once=false
case ${1-} in
'') ;;
--once) once=true ;;
*) echo "usage: sh etc/demo.sh [--once]" >&2; exit 64 ;;
esac

sh "$source/etc/packages.sh" build demo

dir=$(mktemp -d)
pids=
stop() {
    trap - EXIT HUP INT TERM
    for pid in $pids; do kill "$pid" 2>/dev/null || true; done
    for pid in $pids; do wait "$pid" 2>/dev/null || true; done
    rm -rf "$dir"
}
trap stop EXIT
trap 'exit 130' HUP INT TERM

fail() {
    echo "demo: $*" >&2
    tail -n 20 "$dir"/*.log >&2 || true
    exit 1
}

# Runs a server in the background, never as root.
start() {
    log=$1
    shift
    if [ "$(id -u)" = 0 ]; then
        setpriv --reuid=65534 --regid=65534 --clear-groups "$@" > "$dir/$log.log" 2>&1 &
    else
        "$@" > "$dir/$log.log" 2>&1 &
    fi
    pids="$! $pids"
}

# Waits until a command succeeds, at most 15 s.
await() {
    tries=150
    until "$@" > /dev/null 2>&1; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || fail "gave up waiting for: $*"
        sleep 0.1
    done
}

echo "building ..."
cmake -S "$source" -B "$dir/build" -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF > "$dir/cmake.log" 2>&1 ||
    fail "cmake failed"
cmake --build "$dir/build" -j "$(nproc)" > "$dir/make.log" 2>&1 || fail "the build failed"

# Two free ports, both held while they are chosen so that they differ.
ports=$(/usr/bin/python3 -c '
import socket
sockets = [socket.socket() for _ in range(2)]
for s in sockets: s.bind(("127.0.0.1", 0))
print(*(s.getsockname()[1] for s in sockets))')
http=${ports% *}
smtp=${ports#* }

mkdir "$dir/nginx" "$dir/run"
cat > "$dir/fcgi-smtp.yaml" <<END
listen: unix:$dir/run/fcgi-smtp.sock
server: {host: 127.0.0.1, port: $smtp, tls: none}
defaults: {from: "Demonstration <demo@example.com>", to: you@example.com}
allow: {recipients: ["*"], senders: ["*"]}
pages: [metrics, status, compose]
forms:
  contact:
    to: [you@example.com]
    subject: "Contact from {{name}}"
    reply_to: "{{email}}"
    required: [name, email, message]
    honeypot: website
    attachments: {max: 1, types: [image/*, application/pdf]}
END
cat > "$dir/nginx.conf" <<END
daemon off;
pid $dir/nginx/pid;
error_log $dir/nginx-error.log;
events {}
http {
    access_log $dir/nginx-access.log;
    client_body_temp_path $dir/nginx/body;
    fastcgi_temp_path $dir/nginx/fastcgi;
    proxy_temp_path $dir/nginx/proxy;
    uwsgi_temp_path $dir/nginx/uwsgi;
    scgi_temp_path $dir/nginx/scgi;
    upstream fcgi_smtp { server unix:$dir/run/fcgi-smtp.sock; keepalive 8; }
    server {
        listen 127.0.0.1:$http;
        location = /contact.html { root $dir/www; }
        location / { include $dir/fcgi-smtp-nginx.conf; }
    }
    types { text/html html; }
}
END
cp -r "$source/etc/www" "$dir/www"
cp "$source/etc/nginx/fcgi-smtp.conf" "$dir/fcgi-smtp-nginx.conf"
cp /etc/nginx/fastcgi_params "$dir/"
[ "$(id -u)" != 0 ] || chown -R 65534:65534 "$dir"

start smtp /usr/bin/python3 -m aiosmtpd -n -l "127.0.0.1:$smtp" -c aiosmtpd.handlers.Mailbox "$dir/mail"
start fcgi-smtp "$dir/build/src/fcgi-smtp" --config "$dir/fcgi-smtp.yaml"
start nginx nginx -e "$dir/nginx-error.log" -p "$dir" -c "$dir/nginx.conf"
url=http://127.0.0.1:$http
await /usr/bin/python3 -c "import socket; socket.create_connection(('127.0.0.1', $smtp)).close()"
await curl -fs "$url/healthz"

printf 'Guten Tag,\n\nthis mail came by nginx and fcgi-smtp.\n' > "$dir/body.txt"
head -c 20000 /dev/urandom > "$dir/report.bin"
answer=$(curl -s -F from=app@example.com -F to=you@example.com -F subject='Grüße' -F "text=<$dir/body.txt" \
    -F "attachment=@$dir/report.bin" "$url/send") || fail "curl failed"
printf '\nposted a form; the answer:\n%s\n\n' "$answer"

mail_arrived() {
    [ -n "$(ls "$dir/mail/new")" ]
}
await mail_arrived
mail=$(find "$dir/mail/new" -type f | head -n 1)
echo "the mail that arrived:"
sed -n '1,30p' "$mail"
echo "..."

# Intact: an independent parser reads back what was sent.
/usr/bin/python3 - "$mail" "$dir/body.txt" "$dir/report.bin" <<'END' || fail "the mail did not arrive intact"
import email, email.policy, sys
mail, body, report = (open(path, "rb").read() for path in sys.argv[1:])
message = email.message_from_bytes(mail, policy=email.policy.default)
assert message["subject"] == "Grüße", message["subject"]
assert message["from"] == "app@example.com" and message["to"] == "you@example.com"
assert message.get_body().get_content().encode() == body
(attachment,) = message.iter_attachments()
assert attachment.get_filename() == "report.bin" and attachment.get_content() == report
END
printf '\nIt arrived intact.\n'

# The contact form of etc/www, as a browser posts it.
curl -fs "$url/contact.html" | grep -q 'action="/form/contact"' || fail "the contact page is not there"
page=$(curl -fs -F name=Ada -F email=ada@example.com -F message='Hello there' -F 'file=;filename=' -F website= \
    "$url/form/contact") || fail "the contact form was refused"
printf '%s\n' "$page" | grep -q 'Your message has been sent' || fail "the contact form was not answered by its page"
grep -lq 'Subject: Contact from Ada' "$dir/mail/new/"* || fail "the contact form's mail did not arrive"
$once && exit 0

cat <<END

Write a mail in a browser at $url/ and watch it at $url/status.
The mail API is at $url/send; try

    curl -F to=you@example.com -F subject=Hello -F text='How are you?' $url/send

or the contact form at $url/contact.html

Mails arrive in $dir/mail/new. Ctrl-C ends the demonstration and removes it all.
END
while :; do sleep 3600 & wait $!; done
