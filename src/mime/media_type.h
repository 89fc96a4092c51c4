/* media_type: Content-Type values as they are declared for files, and types by file name (RFC 2045 5.1). */
#ifndef FCGI_SMTP_MIME_MEDIA_TYPE_H
#define FCGI_SMTP_MIME_MEDIA_TYPE_H

#include <stdbool.h>

#include "fcgi_smtp/slice.h"

#define MEDIA_TYPE_OCTETS SLICE("application/octet-stream")
#define MEDIA_TYPE_MAX    256 /* octets of a declared type with its parameters */

struct media_type {
    struct slice type;
    struct slice subtype;
    struct slice parameters; /* from the first ";" on, for media_type_next_parameter; well-formed */
};

/* Views into text. False: not type "/" subtype *(";" attribute "=" value), a parameter twice, not
 * printable ASCII, or over MEDIA_TYPE_MAX octets. */
bool media_type_parse(struct media_type *type, struct slice text);

/* Takes the next parameter; value is a token, or a quoted-string with its quotes. False at the end. */
bool media_type_next_parameter(struct slice *rest, struct slice *name, struct slice *value);

/* The type by the extension, MEDIA_TYPE_OCTETS if that says nothing. */
struct slice media_type_of_file(struct slice file_name);

#endif
