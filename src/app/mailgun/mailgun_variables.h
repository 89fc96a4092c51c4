/*
 * mailgun_variables: what v:KEY=VALUE fields become: the value of a header field X-Mailgun-Variables. Pure.
 */
#ifndef FCGI_SMTP_APP_MAILGUN_VARIABLES_H
#define FCGI_SMTP_APP_MAILGUN_VARIABLES_H

#include "fcgi_smtp/buf.h"
#include "fcgi_smtp/slice.h"

#define MAILGUN_VARIABLE_WORD_MAX ((size_t)800) /* octets without a space that a line of the field can hold */

struct mailgun_variables {
    struct buf *out;
    size_t count; /* added so far */
};

enum mailgun_variables_result {
    MAILGUN_VARIABLES_OK,
    MAILGUN_VARIABLES_TOO_LONG, /* a word is over MAILGUN_VARIABLE_WORD_MAX */
    MAILGUN_VARIABLES_NO_ROOM   /* out's limit would be passed, or memory is exhausted */
};

/*
 * A JSON object, key by key: begin, add for each, end. It is ASCII, and has spaces where a header field may be folded
 * and nowhere else two of them, so that any reader who unfolds the field has the same JSON.
 */
enum mailgun_variables_result mailgun_variables_begin(struct mailgun_variables *variables, struct buf *out);
enum mailgun_variables_result mailgun_variables_add(struct mailgun_variables *variables, struct slice key,
                                                    struct slice value);
enum mailgun_variables_result mailgun_variables_end(struct mailgun_variables *variables);

#endif
