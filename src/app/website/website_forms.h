/*
 * website_forms: the configuration's forms, with their templates and addresses parsed once.
 */
#ifndef FCGI_SMTP_APP_WEBSITE_FORMS_H
#define FCGI_SMTP_APP_WEBSITE_FORMS_H

#include <stdbool.h>

#include "app/website/template.h"
#include "fcgi_smtp/address.h"
#include "fcgi_smtp/arena.h"
#include "fcgi_smtp/config.h"

struct website_form {
    const struct config_form *config;
    const struct config_server *server; /* NULL: as for any other mail */
    struct address_list from, to, cc, bcc;
    struct template subject, reply_to, text, html; /* without pieces where the configuration gives none */
};

struct website_forms {
    struct arena arena;
    struct website_form *items; /* one for each of config->forms */
    size_t count;
};

/* Called for each problem with the key's path ("forms.contact.to[0]") and what is wrong. */
typedef void website_forms_problem(void *ctx, const char *path, const char *text);

/* False when there was a problem. config must outlive the forms. */
bool website_forms_parse(struct website_forms *forms, const struct config *config,
                         website_forms_problem *problem, void *ctx);
void website_forms_free(struct website_forms *forms); /* takes a zeroed one */

/* NULL: there is no such form. */
const struct website_form *website_forms_find(const struct website_forms *forms, struct slice name);

#endif
