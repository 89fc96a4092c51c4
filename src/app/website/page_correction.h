/*
 * page_correction: the page that shows a visitor's form again, with what was wrong beside what was written, so that it can
 * be corrected and posted from there.
 */
#ifndef FCGI_SMTP_APP_PAGE_CORRECTION_H
#define FCGI_SMTP_APP_PAGE_CORRECTION_H

#include "app/form_input.h"
#include "app/website/website_forms.h"
#include "fcgi_smtp/http_response.h"

struct page_correction {
    int status;
    const char *title;
    const char *text; /* a paragraph above the form */
    const struct website_form *form;
    const struct form_input *input; /* with its problems, if there are any */
};

/*
 * The fields keep their names and order. Files cannot be given back: the page says so. What is too much for one page is
 * left out, down to a page that only says so.
 */
void page_correction_write(struct http_response *response, const struct page_correction *correction);

#endif
