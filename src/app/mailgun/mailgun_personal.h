/*
 * mailgun_personal: the mail of one recipient of a call with recipient-variables.
 */
#ifndef FCGI_SMTP_APP_MAILGUN_PERSONAL_H
#define FCGI_SMTP_APP_MAILGUN_PERSONAL_H

#include "app/mailgun/mailgun.h"

/* The mail while it is made and sent. */
struct personal {
    struct exchange *exchange;
    struct json_view values;
    struct arena arena;
    struct blob_store blobs; /* of the texts in which something was replaced */
    struct mailgun_fields fields;
    struct submission submission;
};

void personal_init(struct personal *one, struct exchange *exchange);

/* exchange->outgoing is the mail of recipient index of all then. False: a problem was answered. */
bool personal_make(struct personal *one, const struct recipients *all, size_t index);

/* Of exchange->outgoing the Message-ID and size stay. */
void personal_free(struct personal *one);

#endif
