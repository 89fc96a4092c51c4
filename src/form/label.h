/*
 * label: paths into a JSON text (RFC 9535 2.5.1, 2.7), for errors.
 */
#ifndef FCGI_SMTP_FORM_LABEL_H
#define FCGI_SMTP_FORM_LABEL_H

#include "fcgi_smtp/form.h"

struct label {
    char text[FORM_LABEL_MAX]; /* with a NUL; what does not fit is cut off */
    size_t len;
};

void label_begin(struct label *label); /* "$" */
void label_add_name(struct label *label, struct slice name);
void label_add_index(struct label *label, size_t index);

#endif
