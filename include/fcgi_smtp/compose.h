/*
 * compose: a message as a source of RFC 5322 octets (RFC 5322, 2045-2047, 2049, 2183, 2231, 6532).
 *
 * The composed message is 7bit (but for UTF-8 local parts in address fields, see compose_needs_smtputf8), has
 * only CRLF line ends, no line over 998 octets, and no Bcc. Working memory is bounded, whatever the parts'
 * size; the header section is held, bodies are encoded while they are pulled.
 *
 * The tree: text, amp and html are alternatives, in this order; inline files stand around the html in a
 * multipart/related, without an html they are files like the attachments, but to be shown; attachments come last. An
 * inline file's Content-ID is its name without directories, which must be printable ASCII without white space and
 * <>"\, and no other inline file's.
 *
 * A file has the declared type, else that of its extension. A declared type that is not well-formed, multipart/..., and
 * message/... but message/rfc822 become application/octet-stream; so does a message/rfc822 that is not 7bit.
 * Encoded words in the subject are decoded first; a caller's own field of ASCII and well-formed encoded words is
 * written as it is, since it may be structured.
 */
#ifndef FCGI_SMTP_COMPOSE_H
#define FCGI_SMTP_COMPOSE_H

#include <stdbool.h>
#include <stdint.h>

#include "fcgi_smtp/err.h"
#include "fcgi_smtp/message.h"
#include "fcgi_smtp/source.h"

enum compose_result {
    COMPOSE_OK,
    COMPOSE_INVALID, /* err.field names the field, err.text what to change: HTTP 400 */
    COMPOSE_FAILED   /* memory, the spill file, randomness: HTTP 500 */
};

struct compose;

/*
 * Checks the whole message and prepares the stream: one pass over the texts (charset, NUL, choice of
 * encoding), none over attachments of other types than message/rfc822. *out is the caller's, freed by
 * compose_free.
 */
enum compose_result compose_new(struct compose **out, const struct message *message, struct err *err);
void compose_free(struct compose *compose); /* takes NULL */

/* The stream. Valid until compose_free; one reader at a time. */
struct source compose_source(struct compose *compose);

/* Octets of the whole stream, without dot-stuffing (RFC 1870 SIZE). Computed, not by pulling the attachments.
 */
uint64_t compose_size(const struct compose *compose);

/* Whether an address field holds a non-ASCII local part (RFC 6531), and the field's name then ("" otherwise).
 */
bool compose_needs_smtputf8(const struct compose *compose, const char **field);

/* With its angle brackets. Valid until compose_free. */
struct slice compose_message_id(const struct compose *compose);

/* The header section with its final empty line. */
struct slice compose_header_section(const struct compose *compose);

/*
 * Whether name may stand in h:NAME: RFC 5322 ftext and not a field that this program makes or guards (Date,
 * From, Sender, Reply-To, To, Cc, Bcc, Subject, Message-ID, In-Reply-To, References, MIME-Version, Content-*,
 * Resent-*, Return-Path, Received, Authentication-Results, DKIM-Signature).
 */
bool compose_header_name_allowed(struct slice name, struct err *err);

/* Whether the text is a list of 1..max message ids, each "<" id-left "@" id-right ">" (RFC 5322 3.6.4). */
bool compose_message_ids_valid(struct slice text, size_t max);

/* Whether the text is an RFC 5322 date-time (3.3) in its non-obsolete form. */
bool compose_date_valid(struct slice text);

#endif
