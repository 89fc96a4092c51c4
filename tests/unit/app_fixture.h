/* A configuration and one form that is read with it, as a request would be, but without a server. */
#ifndef FCGI_SMTP_TESTS_APP_FIXTURE_H
#define FCGI_SMTP_TESTS_APP_FIXTURE_H

#include "app/defaults.h"
#include "app/send_fields.h"
#include "app/servers/server_choice.h"
#include "app/submission.h"

#define URLENCODED "application/x-www-form-urlencoded"
#define BOUNDARY   "multipart/form-data; boundary=B"

/* The parts of a multipart body with that boundary. */
#define PART(name, value) "--B\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"
#define FILE_PART(name, file, value)                                                                         \
    "--B\r\nContent-Disposition: form-data; name=\"" name "\"; filename=\"" file "\"\r\n\r\n" value "\r\n"
#define LAST "--B--\r\n"

#define SERVER "server: {host: mail.example.com}\n" /* the least that a configuration needs */

struct app_fixture {
    struct config *config;
    struct defaults defaults;
    struct arena arena;
    struct blob_store blobs;
    struct form form;
    struct send_fields fields;
    struct field_errors errors;
    struct err err;
    struct submission submission;
    struct server_choice choice;
};

/* Fails the test if the YAML has a problem. */
void app_fixture_init(struct app_fixture *fixture, const char *yaml);

/* Parses the body; fails the test if it is malformed. */
void app_fixture_parse(struct app_fixture *fixture, const char *type, struct slice body);

/* The same, and sorts it. */
void app_fixture_sort(struct app_fixture *fixture, const char *type, struct slice body);

/* Sorts an urlencoded form and reads a submission from it. */
enum submission_result app_fixture_submit(struct app_fixture *fixture, const char *form);

enum server_choice_result app_fixture_choose(struct app_fixture *fixture, const char *form);

/* Whether the text holds what is expected, or both are empty; says which case it was otherwise. */
void app_fixture_expect(const char *text, const char *expected, const char *what);

void app_fixture_free(struct app_fixture *fixture);

#endif
