/*
 * send_fields: the table of /send's fields, and a form sorted by it.
 *
 * All unknown, repeated and misplaced fields of a form are found at once.
 */
#ifndef FCGI_SMTP_APP_SEND_FIELDS_H
#define FCGI_SMTP_APP_SEND_FIELDS_H

#include <stdbool.h>
#include <stdint.h>

#include "fcgi_smtp/config.h"
#include "fcgi_smtp/form.h"
#include "fcgi_smtp/http_problem.h"

enum send_field {
    SEND_FROM,
    SEND_SENDER,
    SEND_REPLY_TO,
    SEND_TO,
    SEND_CC,
    SEND_BCC,
    SEND_RCPT,
    SEND_SUBJECT,
    SEND_TEXT,
    SEND_BODY,
    SEND_HTML,
    SEND_ATTACHMENT,
    SEND_INLINE,
    SEND_MESSAGE, /* a whole one */
    SEND_MESSAGE_ID,
    SEND_IN_REPLY_TO,
    SEND_REFERENCES,
    SEND_DATE,
    SEND_DSN,
    SEND_RET,
    SEND_SERVER,
    SEND_PORT,
    SEND_TLS,
    SEND_USER,
    SEND_PASSWORD,
    SEND_DOMAIN,
    SEND_DRY_RUN,
    SEND_CHARSET,
    SEND_HEADER, /* h:NAME */
    SEND_UNKNOWN
};

#define SEND_FIELD_COUNT SEND_HEADER

#define FIELD_ERRORS_LISTED_MAX 100 /* more are counted, so that no form makes an endless answer */

/* The errors of a request's fields, all of them. */
struct field_errors {
    struct json *list; /* of {field, detail}; owned until it is given away */
    size_t count;
    size_t unknown; /* how many of them are unknown fields */
    bool from_json; /* fields are called by their paths */
    struct err first;
};

void field_errors_add(struct field_errors *errors, struct slice field, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, blaming that very field of the form: of a list in JSON, the item. */
void field_errors_blame(struct field_errors *errors, const struct form_field *source, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void field_errors_free(struct field_errors *errors);

/* One value that was given: never empty, but for a text that was given as an empty one. */
struct send_value {
    enum send_field field;
    struct form_field *source;
    struct slice text; /* UTF-8; not for texts, files and a message, which stay in their blobs */
};

struct send_fields {
    struct send_value *values; /* in the form's order */
    size_t count;
    const struct send_value
        *single[SEND_FIELD_COUNT]; /* of fields that do not repeat: the value, NULL if not given */
    struct slice charset;          /* _charset_; empty: UTF-8 */
};

/* The name as the table has it ("from"). */
const char *send_field_name(enum send_field field);

/* The limit on a field's content, for form_limits. ctx is the struct config_limits. */
uint64_t send_field_limit(void *ctx, struct slice name, bool is_file);

/*
 * Sorts the form. Values are decoded to UTF-8 into arena where a charset is declared. False: memory or the
 * spill file failed (err says). What is wrong with the fields goes to errors.
 */
bool send_fields_sort(struct send_fields *fields, struct form *form, struct arena *arena,
                      struct field_errors *errors, struct err *err);

/*
 * Reads value->text from value->source: UTF-8, in arena if it had to be converted from its charset (form_charset where
 * it has none of its own). Octets that the charset does not allow go to errors and leave it empty. False as above.
 */
bool send_value_read(struct send_value *value, struct slice form_charset, struct arena *arena,
                     struct field_errors *errors, struct err *err);

/* For form_limits: whether the field's content is a password. ctx is not looked at. */
bool send_field_is_secret(void *ctx, struct slice name);

/* Overwrites the password's copy that was made when its charset was converted; the form's own is wiped with its blob. */
void send_fields_wipe(struct send_fields *fields);

#endif
