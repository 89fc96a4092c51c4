/*
 * exchange: what one request owns from its first octet to its log line.
 *
 * Made by the handler's begin, freed by its finished. All memory of the request is the arena's or the blob
 * store's.
 */
#ifndef FCGI_SMTP_APP_EXCHANGE_H
#define FCGI_SMTP_APP_EXCHANGE_H

#include <stdbool.h>

#include "app/idempotency.h"
#include "app/outgoing.h"
#include "app/pages/failures.h"
#include "app/pages/metrics.h"
#include "app/send_fields.h"
#include "app/servers/readiness.h"
#include "app/servers/server_choice.h"
#include "app/snapshot.h"
#include "app/submission.h"
#include "app/website/website_form.h"
#include "fcgi_smtp/app.h"
#include "fcgi_smtp/arena.h"
#include "fcgi_smtp/blob.h"
#include "fcgi_smtp/compose.h"
#include "fcgi_smtp/form.h"
#include "fcgi_smtp/http_problem.h"
#include "fcgi_smtp/smtp_client.h"

/* Most octets that names, parsed addresses and converted values of one request may take. */
#define EXCHANGE_ARENA_MAX ((size_t)16 * 1024 * 1024)

/* What lives as long as the process; all that a configuration says is in the snapshot. */
struct app {
    struct password_helper *helper; /* NULL: no server had a password_command at the start */
    struct snapshots snapshots;
    struct idempotency_store idempotency;
    struct metrics metrics;
    struct failures failures;
    struct readiness readiness;
    const struct http_server *server; /* for its counts; NULL: there is none */
    int cancel_fd;                    /* an eventfd: readable once deliveries under way must end */
};

#define EXCHANGE_NO_MEMORY "There is no memory left for the request"

enum exchange_result {
    RESULT_OK,
    RESULT_SENT,
    RESULT_PARTIAL,
    RESULT_DRY_RUN,
    RESULT_TRAPPED, /* the form was filled in by a program: nothing is sent, which it is not told */
    RESULT_REFUSED,
    RESULT_FAILED,
    RESULT_REPLAYED /* an earlier request's answer was given again */
};

struct exchange;
struct mailgun;

/* Writes a problem as the route's clients expect it; exchange->err says what is wrong. more is taken over. */
typedef void exchange_problem_writer(struct exchange *exchange, enum http_problem problem, struct json *more);

struct exchange {
    struct app *app;
    struct snapshot *snapshot;    /* a reference: the configuration that it began with */
    struct http_request *request; /* NULL: the mail was not asked for over HTTP */
    struct http_response *response;
    const struct smtp_trace *trace; /* of the delivery; NULL: none */
    deadline complete_at;           /* when the form was complete: from then on the delivery's time counts */

    const struct config_key *key;     /* NULL: there is none */
    const struct config_allow *allow; /* what the request may do */
    struct slice idempotency_key;     /* data NULL: there is none */
    struct idempotency_request idempotency;
    bool claimed; /* idempotency is this exchange's to settle */

    exchange_problem_writer *write_problem; /* NULL: as application/problem+json */
    struct mailgun *mailgun;                /* owned; NULL: the request is not of Mailgun's API */

    struct arena arena;
    struct blob_store blobs;
    struct form form;
    struct website_visit visit; /* of a web site's form; zeroed on every other route */
    struct send_fields fields;
    struct submission submission;
    struct server_choice choice;
    struct compose *compose; /* NULL: the message was given whole */
    struct outgoing outgoing;

    struct smtp_endpoint *endpoint;     /* where the mail goes, or went last */
    struct smtp_endpoint *own_endpoint; /* the same if it was made for this request alone */
    struct smtp_outcome outcome;
    struct err earlier;      /* what the servers said that were tried before; "" if there were none */
    deadline delivery_begun; /* 0: not begun */
    deadline delivery_ended;

    /* For the log line. */
    struct slice path;
    enum exchange_result result;
    enum http_problem problem; /* if token is not NULL */
    const char *token;         /* the problem's; NULL if there was none */
    const char *delivery;      /* the problem's */
    struct err err;            /* what was wrong */
};

/* NULL without memory. request may be NULL. */
struct exchange *exchange_new(struct app *app, struct http_request *request, struct http_response *response);
void exchange_free(struct exchange *exchange);

/* Answers with a problem whose detail is exchange->err.text, and its field if it has one. more is taken over.
 */
void exchange_problem(struct exchange *exchange, enum http_problem problem, const char *delivery,
                      struct json *more);

/* A refusal before any SMTP. Always false, for the checks that end with it. */
static inline bool exchange_refuse(struct exchange *exchange, enum http_problem problem)
{
    exchange_problem(exchange, problem, "none", NULL);
    return false;
}

/* Whether a problem was answered after which nobody knows whether the mail was delivered. */
static inline bool exchange_delivery_is_unknown(const struct exchange *exchange)
{
    return exchange->delivery != NULL && strcmp(exchange->delivery, "unknown") == 0;
}

#endif
