/*
 * defaults: the configuration's defaults, parsed once.
 *
 * Whole values that submissions copy and never append to.
 */
#ifndef FCGI_SMTP_APP_DEFAULTS_H
#define FCGI_SMTP_APP_DEFAULTS_H

#include <stdbool.h>

#include "fcgi_smtp/address.h"
#include "fcgi_smtp/arena.h"
#include "fcgi_smtp/config.h"

struct defaults {
    struct arena arena;
    struct address_list from, reply_to, to, cc, bcc;
    struct mailbox sender;
    bool has_sender;
};

/* Called for each problem with the key's path ("defaults.from", "defaults.to") and what is wrong. */
typedef void defaults_problem(void *ctx, const char *path, const char *text);

/* False when there was a problem. */
bool defaults_parse(struct defaults *defaults, const struct config *config, defaults_problem *problem,
                    void *ctx);
void defaults_free(struct defaults *defaults);

#endif
