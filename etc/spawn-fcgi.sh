#!/bin/sh
# Starts fcgi-smtp by spawn-fcgi, which makes the socket as root and changes to the user that runs it. nginx's workers
# reach it by the group.
set -eu
install -d -o www-data -g www-data /run/fcgi-smtp
exec spawn-fcgi -s /run/fcgi-smtp/fcgi-smtp.sock -M 0660 -u www-data -g www-data -P /run/fcgi-smtp/pid -- \
    /usr/bin/fcgi-smtp --config /etc/fcgi-smtp/fcgi-smtp.yaml
