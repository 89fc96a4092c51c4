/*
 * The first octet of an input says how the body is cut: whole it must come to the same fields and the same error.
 * Limits are so low that they are met.
 */
#ifndef FCGI_SMTP_TESTS_FORM_CUTS_H
#define FCGI_SMTP_TESTS_FORM_CUTS_H

#include "../unit/form_run.h"

static inline void form_cuts_check(unsigned char cut, struct slice type, struct slice body)
{
    struct form_run whole = {.fields = 8, .content = 100, .memory = 64, .json = 1000};
    struct form_run pieces = whole;
    pieces.first = (size_t)cut >> 3;
    pieces.step = 1 + (cut & 7);
    form_run_body(&whole, type, body);
    form_run_body(&pieces, type, body);
    if (!form_run_equal(&whole, &pieces) || (whole.result == FORM_OK) != (whole.err.text[0] == '\0')) {
        abort();
    }
    form_run_free(&whole);
    form_run_free(&pieces);
}

#endif
