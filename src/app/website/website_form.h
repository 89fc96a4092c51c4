/*
 * website_form: POST and OPTIONS /form/NAME, a form of a web site.
 *
 * Answers go to programs as JSON and to people as pages and redirects; neither tells them the mail's recipients or what
 * the SMTP server said, which the log does.
 */
#ifndef FCGI_SMTP_APP_WEBSITE_FORM_H
#define FCGI_SMTP_APP_WEBSITE_FORM_H

#include <stdbool.h>

#include "app/form_input.h"
#include "app/website/website_forms.h"
#include "fcgi_smtp/http_server.h"

#define WEBSITE_FORM_PREFIX "/form/"

struct exchange;

/* What an exchange knows of the form that was filled in. */
struct website_visit {
    bool begun;                      /* the request is one for a form */
    bool wants_page;                 /* not JSON */
    const struct website_form *form; /* NULL: there is none of that name */
    struct form_input input;         /* once it was read */
    bool allowed;                    /* Origin was looked at, and was good */
};

/* Finds the form that the path names. False: there is none, which was answered. */
bool website_form_choose(struct exchange *exchange);

/* Reads and checks the form and composes its mail. HTTP_ANSWER: all is said. */
enum http_verdict website_form_begin(struct exchange *exchange);

/* Turns the exchange's answer into what the visitor shall see. Nothing, if the request is not one for a form. */
void website_form_present(struct exchange *exchange);

#endif
