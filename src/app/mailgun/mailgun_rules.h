/*
 * mailgun_rules: what each field of Mailgun's messages API is. Pure.
 */
#ifndef FCGI_SMTP_APP_MAILGUN_RULES_H
#define FCGI_SMTP_APP_MAILGUN_RULES_H

#include "app/mailgun/mailgun_fields.h"

enum mailgun_kind {
    MAILGUN_KIND_SEND,   /* a field of /send's */
    MAILGUN_KIND_AMP,    /* amp-html */
    MAILGUN_KIND_SENDER, /* h:Sender */
    MAILGUN_KIND_VARIABLE,
    MAILGUN_KIND_RECIPIENT_VARIABLES,
    MAILGUN_KIND_TAG,
    MAILGUN_KIND_TEST_MODE,
    MAILGUN_KIND_REQUIRE_TLS,
    MAILGUN_KIND_WITHOUT_EFFECT,
    MAILGUN_KIND_REFUSED, /* known, but not to be had here */
    MAILGUN_KIND_UNKNOWN
};

enum mailgun_limit {
    MAILGUN_LIMIT_FIELD,
    MAILGUN_LIMIT_HEADER_VALUE,
    MAILGUN_LIMIT_TEXT,
    MAILGUN_LIMIT_REQUEST
};

#define MAILGUN_CALL_MESSAGES (1U << MAILGUN_MESSAGES)
#define MAILGUN_CALL_MIME     (1U << MAILGUN_MIME)
#define MAILGUN_CALL_BOTH     (MAILGUN_CALL_MESSAGES | MAILGUN_CALL_MIME)

struct mailgun_rule {
    const char *name; /* one that ends in ":" or "*" stands for all that begin so */
    enum mailgun_kind kind;
    enum send_field field; /* MAILGUN_KIND_SEND: which */
    unsigned calls;        /* where it may be given */
    enum mailgun_limit limit;
    bool repeats;
    bool may_be_file;
    const char *why; /* MAILGUN_KIND_REFUSED */
};

#define MAILGUN_RULES_MAX ((size_t)40) /* places: mailgun_rule_place is below it */

/* The field's rule; of a field that is not known one of MAILGUN_KIND_UNKNOWN. Never NULL. */
const struct mailgun_rule *mailgun_rule_find(struct slice name);

/* A rule's own number. */
size_t mailgun_rule_place(const struct mailgun_rule *rule);

/* The name of a known field that is nearly name; NULL: there is none. */
const char *mailgun_rule_nearest(struct slice name);

#endif
