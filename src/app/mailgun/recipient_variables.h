/*
 * recipient_variables: Mailgun's recipient-variables, and their places in a text: %recipient.KEY%. Pure.
 */
#ifndef FCGI_SMTP_APP_RECIPIENT_VARIABLES_H
#define FCGI_SMTP_APP_RECIPIENT_VARIABLES_H

#include "fcgi_smtp/address.h"
#include "fcgi_smtp/arena.h"
#include "fcgi_smtp/json.h"

#define RECIPIENT_VARIABLE_KEY_MAX ((size_t)256) /* octets; a longer text between two "%" is none */

struct recipient_entry {
    struct slice address; /* as addr_spec has it */
    struct json_view values;
};

struct recipient_variables {
    struct json *json;               /* owned */
    struct recipient_entry *entries; /* sorted by address */
    size_t count;
};

enum recipient_variables_result {
    RECIPIENT_VARIABLES_OK,
    RECIPIENT_VARIABLES_INVALID, /* err says what is wrong */
    RECIPIENT_VARIABLES_FAILED   /* memory */
};

/* Reads {"a@example.com": {"KEY": "value"}}. Values may be numbers, booleans, null (empty), lists and objects (their
 * JSON). An address that is there twice, in whatever spelling, is invalid. */
enum recipient_variables_result recipient_variables_read(struct recipient_variables *variables,
                                                         struct slice text, struct arena *arena,
                                                         struct err *err);
void recipient_variables_free(struct recipient_variables *variables); /* takes a zeroed one */

/* The address's values; node NULL: it has none. */
struct json_view recipient_variables_find(const struct recipient_variables *variables,
                                          const struct addr_spec *address);

/* Whether there may be anything to replace in text. */
bool recipient_variables_used(struct slice text);

/* Takes the pieces of a text one after another; false: it can take no more. */
typedef bool recipient_variables_sink(void *ctx, struct slice piece);

/*
 * Gives the text to sink, with each %recipient.KEY% whose KEY is one of values replaced by that. Another one stays as it
 * is, for a mail must not say less than it seems to. False when sink or memory failed.
 */
bool recipient_variables_replace(struct slice text, struct json_view values, recipient_variables_sink *sink,
                                 void *ctx);

#endif
