/* What the tests of the SMTP client share: a scripted server, an endpoint for it, and one delivery. */
#ifndef FCGI_SMTP_TESTS_SMTP_FIXTURE_H
#define FCGI_SMTP_TESTS_SMTP_FIXTURE_H

#include <stdbool.h>

#include "fcgi_smtp/smtp_client.h"
#include "smtp_script.h"

#define FIXTURE_RECIPIENTS 4

/* A message in memory. */
struct fixture_message {
    const char *text;
    size_t len;
    size_t pos;
    size_t fail_at; /* reading fails there; 0: never */
};

struct fixture {
    struct smtp_settings settings; /* may be changed before fixture_start */
    const char *ca_dir;            /* NULL: no certificates */
    int receive_buffer;            /* of the server; 0: the system's */
    struct smtp_script *script;
    struct smtp_endpoint *endpoint;
    struct addr_spec return_path;
    struct addr_spec addresses[FIXTURE_RECIPIENTS];
    struct smtp_recipient recipients[FIXTURE_RECIPIENTS];
    struct fixture_message message;
    struct smtp_delivery delivery;
    struct smtp_outcome outcome;
};

/* Settings for 127.0.0.1 without TLS, all timeouts 20 s; one recipient b@example.com; a short message. */
void fixture_init(struct fixture *f);
void fixture_recipients(struct fixture *f, const char *const *addresses, size_t count);
void fixture_message(struct fixture *f, const char *text, size_t len);
void fixture_timeouts(struct fixture *f, int64_t ms);

/* Starts the server and makes the endpoint. A failed assertion ends the test. */
void fixture_start(struct fixture *f, const char *scenario);

/* One delivery; releases the session. */
void fixture_deliver(struct fixture *f);

/* Stops the server; fails, and prints what it says, when its expectations did not hold. Frees all. */
void fixture_end(struct fixture *f, const char *name);

/* All three. */
void fixture_run(struct fixture *f, const char *scenario, const char *name);

/* An address as address_parse makes it, but that the domain must be ASCII already. */
struct addr_spec fixture_address(const char *text);

/* A directory of certificates (see test_ca.h), made at the first call. fixture_remove_ca removes it. */
const char *fixture_ca(void);
void fixture_remove_ca(void);

#endif
