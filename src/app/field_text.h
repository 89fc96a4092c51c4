/*
 * field_text: a form field's content as UTF-8.
 */
#ifndef FCGI_SMTP_APP_FIELD_TEXT_H
#define FCGI_SMTP_APP_FIELD_TEXT_H

#include <stdbool.h>

#include "fcgi_smtp/arena.h"
#include "fcgi_smtp/form.h"

enum field_text_result {
    FIELD_TEXT_OK,
    FIELD_TEXT_INVALID, /* the client's fault: err says what to change, in words that begin with the field's name;
                           octets count from 1 */
    FIELD_TEXT_FAILED /* memory or the spill file: err says */
};

/*
 * What the field _charset_ of a form says, wherever it stands: the charset of the fields that do not say themselves; empty:
 * UTF-8. *source is that field, or NULL. INVALID: there is no such charset; *charset is then empty.
 */
enum field_text_result field_text_charset(struct form *form, const struct form_field **source,
                                          struct slice *charset, struct err *err);

/*
 * The content: a view of the field's blob, or what it is in UTF-8 as a copy in arena. secret: no further copy is left
 * behind in memory. INVALID: it is not what its charset says; *text is then empty.
 */
enum field_text_result field_text_read(struct form_field *field, struct slice form_charset, bool secret,
                                       struct arena *arena, struct slice *text, struct err *err);

#endif
