/*
 * The trace of a probe is turned into one line per step. A step's time is that since the step before it, so they add up
 * to the whole. What a person can do about a failure depends on its class and stage alone, so it is a table.
 */
#include "cli/test_server.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/dialogue.h"
#include "fcgi_smtp/app.h"
#include "fcgi_smtp/buf.h"
#include "fcgi_smtp/smtp_client.h"

#define REPLY_PRINTED_MAX ((size_t)64 * 1024) /* octets of a reply's lines that are shown */
#define NAME_MAX_PRINTED  32                  /* octets of a step's name */

/* What has been seen so far. */
struct report {
    struct dialogue dialogue;
    bool verbose;
    int64_t last_us;             /* when the last step ended */
    char step[NAME_MAX_PRINTED]; /* the one under way */
    struct buf text;             /* of the step under way: its reply */
    size_t lines;                /* of that reply, so far */
    unsigned certificates;       /* that the server has shown */
};

static void print_step(const char *name, double ms, struct slice text)
{
    printf("%-12s %9.1f ms  %.*s\n", name, ms, SLICE_ARGS(text));
    (void)fflush(stdout); /* who watches sees where it hangs */
}

/* A line that belongs to the step above, or took no time of its own. */
static void print_detail(const char *name, struct slice text)
{
    printf("%-12s %12s  %.*s\n", name, "", SLICE_ARGS(text));
}

static void end_step(struct report *report, const char *name, int64_t at_us, struct slice text)
{
    print_step(name, (double)(at_us - report->last_us) / 1000, text);
    report->last_us = at_us;
    report->lines = 0;
    buf_clear(&report->text);
}

/* Adds to the text of the step under way. What does not fit is left out. */
static void add_text(struct report *report, const char *separator, struct slice text)
{
    (void)!(report->text.len == 0 || buf_append_string(&report->text, separator));
    (void)!buf_append_slice(&report->text, text);
}

static void print_certificate(struct report *report, const struct smtp_certificate *certificate)
{
    char text[1024];
    print_detail(report->certificates == 0 ? "certificate" : "issuer", slice_of(certificate->subject));
    (void)snprintf(text, sizeof text, "issued by %s", certificate->issuer);
    print_detail("", slice_of(text));
    if (certificate->names[0] != '\0') {
        (void)snprintf(text, sizeof text, "for %s", certificate->names);
        print_detail("", slice_of(text));
    }
    (void)snprintf(text, sizeof text, "valid %s to %s", certificate->not_before, certificate->not_after);
    print_detail("", slice_of(text));
    if (report->certificates == 0) {
        (void)snprintf(text, sizeof text, "fingerprint %s", certificate->fingerprint);
        print_detail("", slice_of(text));
    }
    report->certificates++;
}

static bool begins_with(struct slice text, const char *prefix)
{
    size_t len = strlen(prefix);
    return text.len >= len && memcmp(text.data, prefix, len) == 0;
}

/* "EHLO web1.example.com" is EHLO, but "AUTH PLAIN ***" is AUTH PLAIN. */
static void name_step(struct report *report, struct slice command)
{
    if (begins_with(command, "***")) {
        return; /* AUTH goes on */
    }
    size_t words = begins_with(command, "AUTH ") ? 2 : 1;
    size_t len = 0;
    while (len < command.len && len < sizeof report->step - 1 && (command.data[len] != ' ' || --words > 0)) {
        report->step[len] = command.data[len];
        len++;
    }
    report->step[len] = '\0';
}

/* EHLO's reply is the server's name, then its capabilities. */
static void take_reply_line(struct report *report, const struct smtp_trace_event *event)
{
    struct slice line = event->text;
    bool last = line.len < 4 || line.data[3] != '-';
    bool capability = strcmp(report->step, "EHLO") == 0 && begins_with(line, "250");
    if (begins_with(line, "334")) {
        return; /* a challenge: AUTH is not at its end */
    }
    if (!capability) {
        add_text(report, " / ", line);
    } else if (report->lines > 0 && line.len > 4) {
        add_text(report, ", ", (struct slice){line.data + 4, line.len - 4});
    }
    report->lines++;
    if (last) {
        struct slice text = buf_slice(&report->text);
        end_step(report, report->step, event->at_us, text.len > 0 ? text : SLICE("no capabilities"));
    }
}

static void on_event(void *ctx, const struct smtp_trace_event *event)
{
    struct report *report = ctx;
    bool said = event->kind == SMTP_TRACE_SENT || event->kind == SMTP_TRACE_RECEIVED;
    if (report->verbose && said) {
        dialogue_event(&report->dialogue, event);
    }
    switch (event->kind) {
    case SMTP_TRACE_RESOLVED:
        end_step(report, "addresses", event->at_us, event->text);
        break;
    case SMTP_TRACE_CONNECTED:
        end_step(report, "connect", event->at_us, event->text);
        name_step(report, SLICE("greeting"));
        break;
    case SMTP_TRACE_TLS:
        end_step(report, "TLS", event->at_us, event->text);
        break;
    case SMTP_TRACE_CERTIFICATE:
        print_certificate(report, event->certificate);
        break;
    case SMTP_TRACE_VERIFIED:
    case SMTP_TRACE_UNVERIFIED:
        print_detail("verification", event->text);
        break;
    case SMTP_TRACE_SENT:
        name_step(report, event->text);
        break;
    case SMTP_TRACE_RECEIVED:
        take_reply_line(report, event);
        break;
    }
}

/* --- what to do about a failure --- */

static const struct advice {
    const char *stage; /* NULL: every one */
    const char *text;
    enum smtp_class class;
    bool certificate; /* only when the server has shown one */
} advices[] = {
    {"connect", "check host and port, that the server runs, and that no firewall or provider blocks the way",
     SMTP_UNAVAILABLE, false},
    {NULL, "the server is there but does not serve this machine: its words say why, or its operator knows",
     SMTP_UNAVAILABLE, false},
    {"STARTTLS",
     "use the port for submission (587), or tls: implicit with its port (465); tls: none only in a network "
     "that you trust",
     SMTP_TLS_FAILED, false},
    {NULL,
     "correct the certificate at the server, use the host name that it is for, or name its authority "
     "in ca_file",
     SMTP_TLS_FAILED, true},
    {NULL,
     "if the server begins in clear (ports 587 and 25) use tls: starttls; else check which TLS versions "
     "it speaks",
     SMTP_TLS_FAILED, false},
    {NULL, "check user, password and auth; what the server offers stands behind AUTH in its last EHLO",
     SMTP_AUTH_FAILED, false},
    {NULL, "this does not behave like an SMTP server: check host, port and tls (465 is tls: implicit)",
     SMTP_PROTOCOL_ERROR, false},
    {NULL, "the server cannot serve this machine now: try again later", SMTP_TEMPORARY, false},
    {"connect", "check host and port, and that no firewall or provider blocks the way", SMTP_TIMED_OUT,
     false},
    {"greeting",
     "if the server speaks TLS from the first octet (port 465) use tls: implicit; a slow one needs a longer "
     "timeouts.greeting",
     SMTP_TIMED_OUT, false},
    {NULL, "the server is slow or hangs: try again, or give longer timeouts", SMTP_TIMED_OUT, false},
};

static const char *advice_for(const struct smtp_outcome *outcome, bool certificate)
{
    for (size_t i = 0; i < sizeof advices / sizeof advices[0]; i++) {
        const struct advice *advice = &advices[i];
        if (advice->class == outcome->class && (!advice->certificate || certificate) &&
            (advice->stage == NULL || strcmp(advice->stage, outcome->stage) == 0)) {
            return advice->text;
        }
    }
    return NULL;
}

static bool conclude(struct report *report, const struct smtp_outcome *outcome)
{
    if (outcome->class == SMTP_ACCEPTED) {
        printf("ok\n");
        return true;
    }
    const char *advice = advice_for(outcome, report->certificates > 0);
    printf("failed at %s: %s%s%s\n", outcome->stage, outcome->err.text, advice != NULL ? "; " : "",
           advice != NULL ? advice : "");
    return false;
}

/* --- the command --- */

static void print_server(const struct config_server *server)
{
    static const char *const tls[] = {
        [CONFIG_TLS_UNSET] = "",
        [CONFIG_TLS_STARTTLS] = "starttls",
        [CONFIG_TLS_IMPLICIT] = "implicit",
        [CONFIG_TLS_NONE] = "none",
    };
    char text[512];
    (void)snprintf(text, sizeof text, "%s: host %s, port %" PRId64 ", tls %s, %s%s", server->name,
                   server->host, server->port, tls[server->tls],
                   server->user != NULL ? "user " : "no user, so no AUTH",
                   server->user != NULL ? server->user : "");
    print_detail("server", slice_of(text));
}

static bool probe(const struct app *app, const struct config_server *server, bool verbose)
{
    struct report report = {.verbose = verbose};
    struct smtp_trace trace = {.event = on_event, .ctx = &report};
    struct smtp_probe order = {.authenticate = true,
                               .total = deadline_after(server->timeouts.total),
                               .cancel_fd = -1,
                               .trace = &trace};
    struct smtp_outcome outcome;
    print_server(server);
    buf_init(&report.text, REPLY_PRINTED_MAX);
    dialogue_begin(&report.dialogue, stdout);
    report.last_us = report.dialogue.begun_us;
    smtp_probe(app_endpoint(app, server), &order, &outcome);
    buf_free(&report.text);
    return conclude(&report, &outcome);
}

static void refuse_name(const struct config *config, const char *name)
{
    (void)fprintf(stderr, "fcgi-smtp: the configuration has no server \"%s\"; its servers are", name);
    for (size_t i = 0; i < config->server_count; i++) {
        (void)fprintf(stderr, "%s %s", i > 0 ? "," : "", config->servers[i].name);
    }
    (void)fputc('\n', stderr);
}

/* All servers that a request is tried at, in their order. */
static bool probe_all(struct app *app, const struct config *config, bool verbose)
{
    bool good = true;
    for (size_t i = 0; i < config->server.count; i++) {
        good = probe(app, &config->servers[config->server.items[i]], verbose) && good;
    }
    return good;
}

bool test_server(struct config *config, const char *name, bool verbose)
{
    struct err err = {0};
    const struct config_server *named = name != NULL ? config_find_server(config, slice_of(name)) : NULL;
    if (name != NULL && named == NULL) {
        refuse_name(config, name);
        config_free(config);
        return false;
    }
    struct app *app = app_new(config, &err);
    if (app == NULL) {
        (void)fprintf(stderr, "fcgi-smtp: %s\n", err.text);
        return false;
    }
    bool good = named != NULL ? probe(app, named, verbose) : probe_all(app, config, verbose);
    app_free(app);
    return good && fflush(stdout) == 0;
}
