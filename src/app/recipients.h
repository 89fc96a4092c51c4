/*
 * recipients: the addresses of a mail's envelope, each once.
 */
#ifndef FCGI_SMTP_APP_RECIPIENTS_H
#define FCGI_SMTP_APP_RECIPIENTS_H

#include <stddef.h>

#include "fcgi_smtp/address.h"
#include "fcgi_smtp/arena.h"
#include "fcgi_smtp/smtp_client.h"

struct recipients {
    struct smtp_recipient *items;
    const char **fields; /* the field that each came from; static */
    size_t count;
};

/* Addresses of one field. */
struct recipients_source {
    const struct address_list *list;
    const char *field;
};

enum recipients_result {
    RECIPIENTS_OK,
    RECIPIENTS_TOO_MANY, /* more than max: only count is set */
    RECIPIENTS_NO_MEMORY
};

/*
 * The addresses of all sources in their order, each where it stands first. The lists must outlive the
 * recipients.
 */
enum recipients_result recipients_collect(struct recipients *recipients,
                                          const struct recipients_source *sources, size_t count, size_t max,
                                          struct arena *arena);

#endif
