/*
 * json_scan: takes the strings out of a JSON text (RFC 8259), and keeps its limits.
 *
 * What is left is a skeleton: the same text, in which each string that is a value is its number in quotes ("0", "1"...).
 * Keys stay as they are. The strings are checked and decoded in the text itself, which never makes them longer.
 */
#ifndef FCGI_SMTP_CORE_JSON_SCAN_H
#define FCGI_SMTP_CORE_JSON_SCAN_H

#include "fcgi_smtp/json.h"

#define JSON_SCAN_KEY_MAX ((size_t)4096) /* octets of a key as it is written */

struct json_string {
    struct slice text;   /* decoded; a view of the text that was scanned */
    size_t text_end;     /* where it ended, closing quote included */
    size_t skeleton_end; /* where its number ends there */
};

struct json_scan {
    char *text; /* not owned */
    size_t len;
    struct buf skeleton;
    struct json_string *strings; /* owned */
    size_t count;
    size_t cap;
};

/* Scans len octets of text. On any result json_scan_free. */
enum json_read json_scan(struct json_scan *scan, char *text, size_t len, const struct json_limits *limits,
                         struct err *err);
void json_scan_free(struct json_scan *scan); /* takes a zeroed one */

/* Where in the text an octet of the skeleton came from. */
size_t json_scan_origin(const struct json_scan *scan, size_t position);

/* Fills err: what is wrong, and in which line and column. */
void json_scan_tell(const struct json_scan *scan, size_t skeleton_position, size_t text_position,
                    const char *what, struct err *err);

#endif
