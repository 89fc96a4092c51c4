#!/bin/sh
# Prints an OAuth2 access token, which it gets with curl from a provider's token endpoint: by a refresh token
# (RFC 6749, 6) or by the program's own credentials (RFC 6749, 4.4). For password_command with auth: xoauth2.
#
#   access-token.sh FILE
#
# FILE has one line "name=value" for each field that is posted, and token_url. Nothing in it is run or expanded. Examples:
# gmail.example and microsoft365.example beside this script. It holds secrets: owner root, group of fcgi-smtp, mode 0640.
set -eu

fail() {
    echo "$*" >&2
    exit 1
}

[ $# -eq 1 ] || fail "usage: access-token.sh FILE"
[ -r "$1" ] || fail "$1 cannot be read"
url=$(sed -n 's/^token_url=//p' "$1")
case $url in
https://* | http://127.0.0.1:*) ;;
*) fail "$1: a line token_url=https://... is expected" ;;
esac

# The secrets go to curl by standard input, for command lines can be seen by everybody on the machine.
fields() {
    sed -n '/^token_url=/d; /^[a-z_][a-z_]*=/!d; s/[\\"]/\\&/g; s/.*/data-urlencode = "&"/p' "$1"
}
answer=$(fields "$1" | curl --silent --show-error --max-time 20 --header 'Accept: application/json' --config - "$url")

# The value of a member of the answer, a JSON object whose strings that matter here have no escapes but "\/".
member() {
    printf '%s\n' "$answer" | sed -n "s/.*\"$1\"[[:space:]]*:[[:space:]]*\"\([^\"]*\)\".*/\1/p" | sed 1q | tr -d '\\'
}
token=$(member access_token)
[ -n "$token" ] || fail "$url says: $(member error): $(member error_description)"
printf '%s\n' "$token"
