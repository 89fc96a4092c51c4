/*
 * form: the octets of a request body become named fields and files.
 *
 * Push parsers: form_parser_update takes chunks of any size as they arrive; nothing depends on how the body
 * was cut. application/x-www-form-urlencoded by the WHATWG URL standard, multipart/form-data by RFC 7578 and
 * WHATWG HTML (names with %22, %0D%0A escapes are decoded as browsers encode them), application/json (RFC 8259)
 * where it is asked for. All limits hold while reading.
 *
 * urlencoded: a percent sign without two hexadecimal digits, also one that is cut by the end, stands for itself, as
 * WHATWG has it; empty sequences between "&" are skipped, a name without "=" has an empty value.
 * multipart: a file part without file name and content (a browser's empty file input) is left out of the form but
 * counts as a field; base64 and quoted-printable parts and nested multipart/mixed are FORM_MALFORMED with advice.
 * json: an object with the fields as members. A list is a field that repeats, null one that is not given, a number or
 * boolean its text; a file is an object of content (base64), filename and type. It is read whole, at the body's end.
 */
#ifndef FCGI_SMTP_FORM_H
#define FCGI_SMTP_FORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fcgi_smtp/arena.h"
#include "fcgi_smtp/blob.h"
#include "fcgi_smtp/err.h"
#include "fcgi_smtp/slice.h"

#define FORM_NO_ITEM SIZE_MAX

struct form_field {
    struct slice name;      /* valid UTF-8 without NUL, 1..256 octets */
    bool is_file;           /* came with a file name, be it empty */
    struct slice file_name; /* valid UTF-8 without NUL, up to 1024 octets; may hold CR, LF and directories */
    struct slice type;      /* the part's Content-Type as declared, UTF-8 without controls; empty if none */
    struct slice charset;   /* that type's charset parameter (urlencoded: the request's); empty if none */
    struct blob content;    /* raw: neither its charset nor NUL is looked at */
    bool from_json;         /* errors call it by its path */
    size_t item;            /* from_json: its place in its list; FORM_NO_ITEM: it stood alone */
    struct form_field *next;
};

/* The fields in the body's order. Views and blobs live as long as the arena and blob store given to
 * form_parser_new. */
struct form {
    struct form_field *first;
    struct form_field *last;
    size_t count;
    bool from_json;
};

#define FORM_LABEL_MAX 128 /* octets; longer labels are cut */

/*
 * What errors call a field: its name, or its path in the JSON text, as RFC 9535 writes it ("$.to[1]",
 * "$['h:X-Own']"). The label is field's name or in out.
 */
struct slice form_field_label(const struct form_field *field, char out[FORM_LABEL_MAX]);

/* The same of a field of the form that is known by its name only. */
struct slice form_label(const struct form *form, struct slice name, char out[FORM_LABEL_MAX]);

struct form_limits {
    size_t fields; /* most fields and files together */
    /* Most octets of the content of a field or file of that name. */
    uint64_t (*content)(void *ctx, struct slice name, bool is_file);
    /* Whether that name's content is a secret, kept as blob_begin_secret says. NULL: none is. */
    bool (*secret)(void *ctx, struct slice name);
    void *ctx;
    size_t json; /* most octets of a body of application/json; 0: that is FORM_UNSUPPORTED */
};

enum form_result {
    FORM_OK,
    FORM_UNSUPPORTED,     /* 415: no or another media type; no boundary is FORM_MALFORMED */
    FORM_MALFORMED,       /* 400 malformed-form; err.field is set where one is to blame */
    FORM_TOO_LARGE,       /* 413 request-too-large: a field over its limit, err.field names it; or the JSON */
    FORM_TOO_MANY_FIELDS, /* 413 too-many-fields */
    FORM_FAILED           /* 500: memory or the spill file */
};

struct form_parser;

/*
 * content_type is the request's Content-Type field value. On FORM_OK *out is the caller's, freed by
 * form_parser_free. Names and other views come from arena, contents from store; form is filled as parts are
 * completed.
 */
enum form_result form_parser_new(struct form_parser **out, struct slice content_type,
                                 const struct form_limits *limits, struct arena *arena,
                                 struct blob_store *store, struct form *form, struct err *err);

/* After a result other than FORM_OK the parser must only be freed. */
enum form_result form_parser_update(struct form_parser *parser, const void *octets, size_t len,
                                    struct err *err);

/* The body has ended: an unterminated multipart is FORM_MALFORMED. */
enum form_result form_parser_finish(struct form_parser *parser, struct err *err);

void form_parser_free(struct form_parser *parser); /* takes NULL; the form stays */

/*
 * The media type of a Content-Type value without parameters, and one parameter's value (unquoted into arena): false
 * when it is missing or there twice, when any parameter is malformed, or without memory.
 */
struct slice form_media_type(struct slice content_type);
bool form_type_parameter(struct slice content_type, const char *name, struct arena *arena,
                         struct slice *value);

#endif
