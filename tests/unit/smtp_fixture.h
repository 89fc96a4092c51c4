/* What the tests of the SMTP client share: a scripted server, an endpoint for it, and one delivery. */
#ifndef FCGI_SMTP_TESTS_SMTP_FIXTURE_H
#define FCGI_SMTP_TESTS_SMTP_FIXTURE_H

#include <stdbool.h>

#include "fcgi_smtp/smtp_client.h"
#include "smtp_script.h"

#define SMTP_FIXTURE_RECIPIENTS 4

/* A message in memory. */
struct smtp_fixture_message {
    const char *text;
    size_t len;
    size_t pos;
    size_t fail_at; /* reading fails there; 0: never */
};

struct smtp_fixture {
    struct smtp_settings settings; /* may be changed before smtp_fixture_start */
    const char *ca_dir;            /* NULL: no certificates */
    int receive_buffer;            /* of the server; 0: the system's */
    int send_buffer;               /* likewise */
    struct smtp_script *script;
    struct smtp_endpoint *endpoint;
    struct addr_spec return_path;
    struct addr_spec addresses[SMTP_FIXTURE_RECIPIENTS];
    struct smtp_recipient recipients[SMTP_FIXTURE_RECIPIENTS];
    struct smtp_fixture_message message;
    struct smtp_delivery delivery;
    struct smtp_outcome outcome;
};

/* Settings for 127.0.0.1 without TLS, all timeouts 20 s; one recipient b@example.com; a short message. */
void smtp_fixture_init(struct smtp_fixture *f);
void smtp_fixture_recipients(struct smtp_fixture *f, const char *const *addresses, size_t count);
void smtp_fixture_message(struct smtp_fixture *f, const char *text, size_t len);
void smtp_fixture_timeouts(struct smtp_fixture *f, int64_t ms);

/* Starts the server and makes the endpoint. A failed assertion ends the test. */
void smtp_fixture_start(struct smtp_fixture *f, const char *scenario);

/* One delivery; releases the session. */
void smtp_fixture_deliver(struct smtp_fixture *f);

/* Whether the server's reads of a connection were these (see smtp_script_flights), once it has ended; prints them if not. */
bool smtp_fixture_flights_are(struct smtp_fixture *f, size_t connection, const char *expected);

/* Stops the server; fails, and prints what it says, when its expectations did not hold. Frees all. */
void smtp_fixture_end(struct smtp_fixture *f, const char *name);

/* All three. */
void smtp_fixture_run(struct smtp_fixture *f, const char *scenario, const char *name);

/* An address as address_parse makes it, but that the domain must be ASCII already. */
struct addr_spec smtp_fixture_address(const char *text);

/* A directory of certificates (see test_ca.h), made at the first call. smtp_fixture_remove_ca removes it. */
const char *smtp_fixture_ca(void);
void smtp_fixture_remove_ca(void);

#endif
