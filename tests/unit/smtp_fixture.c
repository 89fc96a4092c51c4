#include "smtp_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test_ca.h"
#include "unit.h"

static const char short_message[] = "Subject: test\r\n\r\nHello\r\n.dot\r\n..\r\n";
static char ca_directory[64];

static bool read_message(void *ctx, void *out, size_t cap, size_t *len, struct err *err)
{
    struct smtp_fixture_message *message = ctx;
    if (message->fail_at > 0 && message->pos >= message->fail_at) {
        err_set(err, "the spill file is gone");
        return false;
    }
    size_t left = message->len - message->pos;
    *len = left < cap ? left : cap;
    memcpy(out, message->text + message->pos, *len);
    message->pos += *len;
    return true;
}

static void rewind_message(void *ctx)
{
    struct smtp_fixture_message *message = ctx;
    message->pos = 0;
}

struct addr_spec smtp_fixture_address(const char *text)
{
    const char *at = strrchr(text, '@');
    struct addr_spec address = {.text = slice_of(text)};
    if (at != NULL) {
        address.local = (struct slice){text, (size_t)(at - text)};
        address.domain = slice_of(at + 1);
    }
    for (const char *c = text; *c != '\0'; c++) {
        address.utf8 = address.utf8 || (unsigned char)*c > 127;
    }
    return address;
}

void smtp_fixture_timeouts(struct smtp_fixture *f, int64_t ms)
{
    f->settings.connect_timeout_ms = ms;
    f->settings.greeting_timeout_ms = ms;
    f->settings.command_timeout_ms = ms;
    f->settings.data_timeout_ms = ms;
}

void smtp_fixture_recipients(struct smtp_fixture *f, const char *const *addresses, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        f->addresses[i] = smtp_fixture_address(addresses[i]);
        f->recipients[i] = (struct smtp_recipient){.address = &f->addresses[i]};
    }
    f->delivery.recipients = f->recipients;
    f->delivery.recipient_count = count;
}

void smtp_fixture_message(struct smtp_fixture *f, const char *text, size_t len)
{
    f->message = (struct smtp_fixture_message){.text = text, .len = len};
    f->delivery.message = (struct source){&f->message, read_message, rewind_message};
    f->delivery.size = len;
}

void smtp_fixture_init(struct smtp_fixture *f)
{
    memset(f, 0, sizeof *f);
    f->settings = (struct smtp_settings){.name = "default",
                                         .host = "127.0.0.1",
                                         .tls = SMTP_TLS_NONE,
                                         .verify = true,
                                         .domain = "client.example"};
    smtp_fixture_timeouts(f, 20000);
    f->return_path = smtp_fixture_address("a@example.com");
    f->delivery.return_path = &f->return_path;
    f->delivery.total = deadline_after(30000);
    f->delivery.cancel_fd = -1;
    smtp_fixture_recipients(f, (const char *const[]){"b@example.com"}, 1);
    smtp_fixture_message(f, short_message, sizeof short_message - 1);
}

void smtp_fixture_start(struct smtp_fixture *f, const char *scenario)
{
    bool is_unix = strncmp(f->settings.host, "unix:", 5) == 0;
    struct smtp_script_options options = {.scenario = scenario,
                                          .listen = is_unix ? f->settings.host : NULL,
                                          .cert_dir = f->ca_dir,
                                          .receive_buffer = f->receive_buffer,
                                          .send_buffer = f->send_buffer};
    char *error = NULL;
    f->script = smtp_script_start(&options, &error);
    if (f->script == NULL) {
        printf("\n%s\n", error);
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(f->script);
    f->settings.port = smtp_script_port(f->script);
    struct err err = {.text = ""};
    f->endpoint = smtp_endpoint_new(&f->settings, &err);
    CU_ASSERT_STRING_EQUAL(err.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f->endpoint);
}

void smtp_fixture_deliver(struct smtp_fixture *f)
{
    smtp_deliver(f->endpoint, &f->delivery, &f->outcome);
    smtp_release(f->outcome.session);
    f->outcome.session = NULL;
}

bool smtp_fixture_flights_are(struct smtp_fixture *f, size_t connection, const char *expected)
{
    bool ended = smtp_script_wait(f->script, connection, 10000);
    char *flights = smtp_script_flights(f->script, connection);
    bool held = ended && strcmp(flights, expected) == 0;
    if (!held) {
        printf("\nflights:\n%s", flights);
    }
    free(flights);
    return held;
}

void smtp_fixture_end(struct smtp_fixture *f, const char *name)
{
    bool held = smtp_script_stop(f->script);
    if (!held) {
        char *report = smtp_script_report(f->script);
        printf("\n%s: %s", name, report);
        free(report);
    }
    CU_ASSERT(held);
    smtp_endpoint_free(f->endpoint);
    smtp_script_free(f->script);
    f->endpoint = NULL;
    f->script = NULL;
}

void smtp_fixture_run(struct smtp_fixture *f, const char *scenario, const char *name)
{
    smtp_fixture_start(f, scenario);
    smtp_fixture_deliver(f);
    smtp_fixture_end(f, name);
}

const char *smtp_fixture_ca(void)
{
    if (ca_directory[0] == '\0') {
        strcpy(ca_directory, "/tmp/smtp-test-ca-XXXXXX");
        CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(ca_directory));
        CU_ASSERT_TRUE_FATAL(test_ca_write(ca_directory));
    }
    return ca_directory;
}

void smtp_fixture_remove_ca(void)
{
    test_ca_remove(ca_directory);
    ca_directory[0] = '\0';
}
