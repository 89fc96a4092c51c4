/*
 * http_problem: answers of application/problem+json (RFC 9457).
 */
#ifndef FCGI_SMTP_HTTP_PROBLEM_H
#define FCGI_SMTP_HTTP_PROBLEM_H

#include "fcgi_smtp/http_response.h"
#include "fcgi_smtp/json.h"

/* The problem types; each has one token, title and status. */
enum http_problem {
    PROBLEM_MALFORMED_FORM,
    PROBLEM_INVALID_FIELD,
    PROBLEM_UNKNOWN_FIELD,
    PROBLEM_KEY_REQUIRED,
    PROBLEM_KEY_UNKNOWN,
    PROBLEM_RECIPIENT_NOT_ALLOWED,
    PROBLEM_SENDER_NOT_ALLOWED,
    PROBLEM_OVERRIDE_NOT_ALLOWED,
    PROBLEM_ORIGIN_NOT_ALLOWED,
    PROBLEM_CROSS_SITE,
    PROBLEM_NO_SUCH_ROUTE,
    PROBLEM_NO_SUCH_FORM,
    PROBLEM_METHOD_NOT_ALLOWED,
    PROBLEM_UNSUPPORTED_MEDIA_TYPE,
    PROBLEM_IDEMPOTENCY_IN_PROGRESS,
    PROBLEM_MISSING_FIELD,
    PROBLEM_MESSAGE_REFUSED,
    PROBLEM_RECIPIENTS_REFUSED,
    PROBLEM_IDEMPOTENCY_KEY_REUSED,
    PROBLEM_REQUEST_TOO_LARGE,
    PROBLEM_TOO_MANY_FIELDS,
    PROBLEM_TOO_MANY_RECIPIENTS,
    PROBLEM_SMTP_UNAVAILABLE,
    PROBLEM_SMTP_AUTH_FAILED,
    PROBLEM_SMTP_TLS_FAILED,
    PROBLEM_SMTP_PROTOCOL_ERROR,
    PROBLEM_SMTP_TEMPORARY,
    PROBLEM_OVERLOADED,
    PROBLEM_NOT_READY,
    PROBLEM_SMTP_TIMEOUT,
    PROBLEM_INTERNAL,
    PROBLEM_COUNT
};

const char *http_problem_token(enum http_problem problem); /* "malformed-form" */
int http_problem_status(enum http_problem problem);
const char *http_problem_retry_after(enum http_problem problem); /* the header's value; NULL: none is sent */

/*
 * Replaces the response by the problem: type (urn:fcgi-smtp:TOKEN), title, status, detail (a sentence that
 * says what to change), delivery ("none", or "unknown"), then the members of more (an object taken over, may
 * be NULL). Adds Retry-After for the 503s. Falls back to a fixed 500 text when memory is exhausted.
 */
void http_problem_write(struct http_response *response, enum http_problem problem, const char *detail,
                        const char *delivery, struct json *more);

/* Replaces the response by status and a JSON body (taken over). */
void http_json_write(struct http_response *response, int status, struct json *body);

#endif
