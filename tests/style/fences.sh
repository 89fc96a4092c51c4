#!/bin/sh
# Who may include what: foreign headers stay behind their fences, and folders include only in one direction.
set -u
cd "$1" || exit 1
status=0

complain() {
    echo "$1"
    status=1
}

# fence HEADER-PATTERN FILE-PATTERN: only files that match may include it.
fence() {
    found=$(grep -rnE "^ *# *include *[<\"]$1" src include | grep -vE "^($2):") || return 0
    complain "$1 is included outside its fence ($2):
$found"
}
fence 'fcgiapp\.h' 'src/http/[^:]*'
fence 'yaml\.h' 'src/config/yaml\.c'
fence 'openssl/' 'src/smtp/(tls|auth)(_[a-z0-9_]+)?\.c|src/core/(secret|digest)\.c'
fence 'jansson\.h' 'src/core/json(_read|_write)?\.c|src/core/json_node\.h'
fence 'iconv\.h' 'src/filter/charset\.c'
fence 'uni(type|ctype|norm|str)\.h' 'src/smtp/saslprep\.c'
fence 'idn2\.h' 'src/mime/[^:]*'
fence '(linux/)?seccomp\.h' 'src/cli/sandbox_seccomp\.c'
fence 'linux/landlock\.h' 'src/cli/sandbox_landlock\.c'
fence 'syslog\.h' 'src/core/log_output\.c'

# The folder that a public header belongs to.
owner() {
    case $1 in
    arena | ascii | blob | buf | deadline | digest | err | json | log | nearest | random | secret | slice | source | utf8) echo core ;;
    base64 | charset | encoded_word | lines | quoted_printable) echo filter ;;
    config) echo config ;;
    http_*) echo http ;;
    form | form_*) echo form ;;
    address | addr_spec | message | compose | passthrough) echo mime ;;
    smtp_*) echo smtp ;;
    app) echo app ;;
    *) echo "unknown-$1" ;;
    esac
}

# What each folder may include besides itself.
allowed() {
    case $1 in
    core) echo core ;;
    filter) echo core filter ;;
    config) echo core filter config ;;
    form) echo core filter form ;;
    mime) echo core filter mime ;;
    smtp) echo core filter smtp ;;
    http) echo core filter http ;;
    app) echo core filter config form mime smtp http app ;;
    cli) echo core config form smtp http app cli ;;
    esac
}

for folder in core filter config form mime smtp http app cli; do
    for file in $(find "src/$folder" -type f); do
        for header in $(sed -nE 's|^#include "fcgi_smtp/(.*)\.h"|\1|p' "$file"); do
            of=$(owner "$header")
            [ "$folder/$header" != smtp/addr_spec ] || continue
            case " $(allowed $folder) " in
            *" $of "*) ;;
            *) complain "$file includes fcgi_smtp/$header.h of $of" ;;
            esac
        done
        for other in $(sed -nE 's|^#include "([a-z]+)/.*|\1|p' "$file" | grep -v fcgi_smtp); do
            [ "$other" = $folder ] || complain "$file includes a header inside src/$other"
        done
    done
done

# Only main.c ends the process, and the processes that the password helper forks end themselves.
found=$(grep -rnE '\b(exit|_exit|abort|setjmp|longjmp)\(' src --include='*.c' | grep -vE '^src/(main|app/servers/password_(helper|runner))\.c:')
[ -z "$found" ] || complain "a process is ended outside main.c:
$found"
exit $status
