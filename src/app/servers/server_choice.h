/*
 * server_choice: which SMTP server takes a mail: the configured one, one that the request names, or settings
 * that the request overrides.
 */
#ifndef FCGI_SMTP_APP_SERVER_CHOICE_H
#define FCGI_SMTP_APP_SERVER_CHOICE_H

#include <stdbool.h>

#include "app/send_fields.h"
#include "fcgi_smtp/arena.h"
#include "fcgi_smtp/config.h"

struct server_choice {
    const struct config_server *server; /* the configured entry; where a list may be tried, the first of it */
    bool named;                         /* the request named it: no other one is tried */
    bool overrides;                     /* deliver by settings instead: */
    struct config_server
        settings;     /* a copy of the entry that borrows its strings, with the request's changes */
    bool public_only; /* only addresses of the public Internet may be connected to */
};

/* What the mail is delivered by. */
static inline const struct config_server *server_choice_settings(const struct server_choice *choice)
{
    return choice->overrides ? &choice->settings : choice->server;
}

/* What answers and the log call it: the entry's name, or the host that the request put in its place. */
const char *server_choice_name(const struct server_choice *choice);

enum server_choice_result {
    SERVER_CHOSEN,       /* if nothing was added to errors */
    SERVER_NOT_ALLOWED,  /* err names the first field that is not, and what would allow it */
    SERVER_CHOICE_FAILED /* memory */
};

/* What a mail gets whose request has no say in it: that entry of the configuration, or NULL for the usual list. */
void server_choice_default(struct server_choice *choice, const struct config *config,
                           const struct config_server *server);

/* allow: what the request may do. All values that are wrong go to errors, allowed or not. */
enum server_choice_result server_choice_make(struct server_choice *choice, const struct send_fields *fields,
                                             const struct config *config, const struct config_allow *allow,
                                             struct arena *arena, struct field_errors *errors,
                                             struct err *err);

#endif
