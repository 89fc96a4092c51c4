/*
 * json_node: what is behind struct json, for the files that build, write and read it. Includes jansson.
 */
#ifndef FCGI_SMTP_CORE_JSON_NODE_H
#define FCGI_SMTP_CORE_JSON_NODE_H

#include <jansson.h>
#include <stdbool.h>

#include "core/json_scan.h"
#include "fcgi_smtp/json.h"

struct json {
    json_t *value; /* one reference is ours, one the parent's value's */
    struct json *children;
    struct json *sibling;
    bool incomplete;             /* something could not be added */
    struct json_string *strings; /* owned: of a value that was read, in which strings are their numbers */
    char *text;                  /* owned: what the strings are views of; NULL: it is the caller's */
};

/* Takes the reference over, also when it fails. NULL: no memory, or value is NULL. */
struct json *json_node_new(json_t *value);

/* Cuts out to len octets again, after a value that could not be written whole. */
void json_take_back(struct buf *out, size_t len);

#endif
