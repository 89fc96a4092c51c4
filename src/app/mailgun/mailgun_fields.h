/*
 * mailgun_fields: the table of the fields of Mailgun's messages API, and a form sorted by it.
 *
 * What /send has a field for becomes that field's value, so that both ways read addresses, texts and files alike.
 */
#ifndef FCGI_SMTP_APP_MAILGUN_FIELDS_H
#define FCGI_SMTP_APP_MAILGUN_FIELDS_H

#include "app/send_fields.h"

enum mailgun_call {
    MAILGUN_MESSAGES, /* /v3/DOMAIN/messages */
    MAILGUN_MIME      /* /v3/DOMAIN/messages.mime: a whole message */
};

/* One value of v:KEY. */
struct mailgun_variable {
    struct slice key;
    struct slice value;
    const struct form_field *source;
};

struct mailgun_fields {
    struct send_fields send;
    enum mailgun_call call;

    /* What /send has no field for. */
    struct form_field *amp;             /* NULL: not given */
    const struct send_value *sender;    /* h:Sender; NULL: not given */
    struct mailgun_variable *variables; /* in the form's order, each key once */
    size_t variable_count;
    const struct send_value **tags;
    size_t tag_count;
    bool is_batch;                    /* recipient-variables are given */
    struct slice recipient_variables; /* the JSON text */
    bool test_mode;
    bool require_tls;
};

/* The limit on a field's content, for form_limits. ctx is the struct config_limits. */
uint64_t mailgun_field_limit(void *ctx, struct slice name, bool is_file);

/* As send_fields_sort. fields->call says which call's form it is. */
bool mailgun_fields_sort(struct mailgun_fields *fields, struct form *form, struct arena *arena,
                         struct field_errors *errors, struct err *err);

/* What is missing, if anything: false, and err names the field and says what to give. */
bool mailgun_fields_complete(const struct mailgun_fields *fields, struct err *err);

#endif
