/*
 * err: the one shape of an error.
 *
 * A function that can fail returns an enum class (or false) and fills a struct err with a bounded text that
 * says who, what, and in reply to what: "mail.example.com:587 refused RCPT TO:<b@example.com>: 550 5.1.1 No
 * such user". The text is plain UTF-8 without control characters: err_set replaces every octet of a C0 or C1
 * control, DEL and malformed UTF-8 by '?', so that an error can go into a log line or an answer as it is.
 */
#ifndef FCGI_SMTP_ERR_H
#define FCGI_SMTP_ERR_H

#include <stddef.h>

#define ERR_TEXT_MAX  1024 /* octets, the terminating NUL included; longer texts are cut and end in "..." */
#define ERR_FIELD_MAX 80   /* likewise */

struct err {
    char field[ERR_FIELD_MAX]; /* the request's field that is to blame, as the client named it; "" if none */
    char text[ERR_TEXT_MAX];   /* "" if no error was set */
};

/* Replaces the text; leaves field alone. The arguments may point into err->text. err may be NULL (then
 * nothing happens). */
void err_set(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Names the field to blame; len octets of name. err may be NULL. */
void err_set_field(struct err *err, const char *name, size_t len);

/* Makes len octets of text printable in place: controls and octets that are not UTF-8 become '?'. */
void err_make_printable(char *text, size_t len);

#endif
