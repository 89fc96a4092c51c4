/*
 * passthrough: a whole message that the caller made (RFC 5322), checked, and given on as a source of octets.
 *
 * Every octet leaves as it came but for these: line ends (CRLF, CR, LF) become CRLF and the last line gets one; the fields
 * Bcc and Resent-Bcc are left out, and Return-Path, which is for the delivering server to write (RFC 5321 4.4); Date and
 * Message-ID are put at the end of the header section where they are missing; a header section alone gets its empty line. An
 * mbox file's "From " line at the start is left out too (it counts as line 1).
 *
 * Refused: NUL; a line over 998 octets (RFC 5322 2.1.1) outside of a field that is left out; a header line that is neither
 * a field nor the continuation of one, white space before a field's colon, a line of white space alone in the header section
 * (readers disagree about these); header fields that are not UTF-8; a header section over PASSTHROUGH_HEADER_MAX octets; not
 * exactly one From, more than one Sender, groups in them, several From mailboxes without a Sender (RFC 5322 3.6.2).
 *
 * The content's octets are read where they are, piece by piece; the header section alone is held in memory.
 */
#ifndef FCGI_SMTP_PASSTHROUGH_H
#define FCGI_SMTP_PASSTHROUGH_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "fcgi_smtp/address.h"
#include "fcgi_smtp/arena.h"
#include "fcgi_smtp/blob.h"
#include "fcgi_smtp/err.h"
#include "fcgi_smtp/source.h"

#define PASSTHROUGH_HEADER_MAX    ((size_t)256 * 1024) /* octets, as given */
#define PASSTHROUGH_MAILBOXES_MAX 100                  /* of From */

enum passthrough_result {
    PASSTHROUGH_OK,
    PASSTHROUGH_INVALID, /* err.field and err.text say what to change: HTTP 400 */
    PASSTHROUGH_FAILED   /* memory, the spill file, randomness: HTTP 500 */
};

struct passthrough;

struct passthrough_input {
    const struct blob *content; /* must live as long as the passthrough */
    const char *field;          /* the request's field, for errors: "message" */
    struct slice domain; /* right side of a made Message-ID; without a dot: the domain of From is used */
    time_t now;
};

/*
 * Checks the whole message in one pass over its octets. *out is the caller's, freed by passthrough_free; the addresses are
 * in arena.
 */
enum passthrough_result passthrough_new(struct passthrough **out, const struct passthrough_input *input,
                                        struct arena *arena, struct err *err);
void passthrough_free(struct passthrough *passthrough); /* takes NULL */

/* The stream. Valid until passthrough_free; one reader at a time. */
struct source passthrough_source(struct passthrough *passthrough);

/* Octets of the whole stream, without dot-stuffing (RFC 1870 SIZE). */
uint64_t passthrough_size(const struct passthrough *passthrough);

/* Whether there are octets over 127, which need 8BITMIME (RFC 6152), and whether in the header section, which needs
 * SMTPUTF8 (RFC 6531). */
bool passthrough_is_eight_bit(const struct passthrough *passthrough);
bool passthrough_needs_smtputf8(const struct passthrough *passthrough);

/* From's mailboxes (one or more), and Sender's: none or one. */
const struct address_list *passthrough_from(const struct passthrough *passthrough);
const struct address_list *passthrough_sender(const struct passthrough *passthrough);

/* Appends the mailboxes of all To, Cc and Bcc fields to list, as address_parse does; an empty field has none. */
enum address_result passthrough_recipients(const struct passthrough *passthrough, struct address_list *list,
                                           size_t max, struct arena *arena, struct err *err);

/* The Message-ID, the given one or the one that was made; without its white space. */
struct slice passthrough_message_id(const struct passthrough *passthrough);

/* What stands behind "Subject:", folded and encoded as it came; empty if there is none. */
struct slice passthrough_subject(const struct passthrough *passthrough);

/* The header section as it leaves, with its final empty line. */
struct slice passthrough_header_section(const struct passthrough *passthrough);

#endif
