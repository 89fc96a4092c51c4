/* A configuration with one form of a web site, and what a visitor wrote into it. */
#ifndef FCGI_SMTP_TESTS_WEBSITE_FIXTURE_H
#define FCGI_SMTP_TESTS_WEBSITE_FIXTURE_H

#include "app/website/website_mail.h"
#include "app_fixture.h"

struct website_fixture {
    struct app_fixture app;
    struct website_forms forms;
    struct form_input input;
};

/* yaml: what stands below the server and defaults.from (site@x.example); its first form is taken. */
void website_fixture_init(struct website_fixture *fixture, const char *yaml);

/* Parses and reads the body, and checks it by the form's rules. */
void website_fixture_read(struct website_fixture *fixture, const char *type, struct slice body);

/* The same, and makes the mail. */
enum website_mail_result website_fixture_make(struct website_fixture *fixture, const char *type,
                                              struct slice body);

/* The input's problems as "field: text|field: text". */
void website_fixture_expect(const struct website_fixture *fixture, const char *expected, const char *what);

void website_fixture_free(struct website_fixture *fixture);

#endif
