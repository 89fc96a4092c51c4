/*
 * reply: an SMTP reply (RFC 5321 4.2) as a pure, incremental parser. No I/O; cut as you like.
 *
 * A reply ends at the first line "NNN SP ..." or "NNN CRLF"; lines before it are "NNN-...". All lines carry
 * the same code, whose first digit is 2..5. CRLF or a bare LF ends a line; a NUL is refused, other controls
 * are data.
 */
#ifndef FCGI_SMTP_SMTP_REPLY_H
#define FCGI_SMTP_SMTP_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "fcgi_smtp/buf.h"
#include "fcgi_smtp/smtp_client.h"

#define REPLY_LINE_MAX  4096 /* octets of a line, its line end not counted */
#define REPLY_LINES_MAX 128

enum reply_status { REPLY_MORE, REPLY_DONE, REPLY_BROKEN, REPLY_NO_MEMORY };

struct reply {
    int code;               /* valid once DONE */
    struct buf lines;       /* whole lines with their codes, each ended by one LF */
    size_t line_count;      /* whole lines in it */
    size_t line_start;      /* where the line under way begins in lines */
    enum reply_status done; /* what was said last; feeding on after DONE or BROKEN changes nothing */
};

void reply_init(struct reply *reply);
void reply_free(struct reply *reply);
void reply_clear(struct reply *reply); /* ready for the next reply; memory is kept */

/*
 * Takes octets up to the end of the reply; *used says how many. After BROKEN, reply_quote gives the text to
 * show, and as much of the offending line as was at hand is in it.
 */
enum reply_status reply_feed(struct reply *reply, const char *octets, size_t len, size_t *used);

/* The next line's text without code and separator. Starts at *pos == 0; false after the last. */
bool reply_next_line(const struct reply *reply, size_t *pos, struct slice *text);

/* What an answer or a log may show of it; all zero for a reply that is not DONE. */
void reply_view(const struct reply *reply, struct smtp_reply_view *view);

#define REPLY_QUOTE_MAX 80 /* characters of a broken reply that an error quotes */

/* The first characters of the line that broke the grammar, controls escaped. */
void reply_quote(const struct reply *reply, char *out, size_t cap);

/*
 * Overwrites what of this reply repeats a secret of ours, whole or its beginning (servers echo the line that
 * they did not like). Secrets under REPLY_REDACT_MIN octets are left: they would be found in ordinary words.
 */
#define REPLY_REDACT_MIN 8
void reply_redact(struct reply *reply, struct slice secret);

/* The same for any text: what a challenge says. */
void reply_redact_text(char *text, size_t text_len, struct slice secret);

/* Copies text with controls and malformed UTF-8 escaped as \xNN, cut where cap demands. Returns octets
 * written. */
size_t reply_escape(struct slice text, char *out, size_t cap);

#endif
