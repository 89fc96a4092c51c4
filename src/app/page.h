/*
 * page: answers for people: HTML that can be read without CSS and without scripts.
 *
 * Everything that is not a string literal of this program goes through page_text. A page loads nothing, and its
 * Content-Security-Policy holds browsers to that.
 */
#ifndef FCGI_SMTP_APP_PAGE_H
#define FCGI_SMTP_APP_PAGE_H

#include <stdbool.h>

#include "fcgi_smtp/http_response.h"

struct page {
    struct http_response *response;
    bool good; /* nothing was left out for want of room or memory */
};

/*
 * Replaces the response's body, and of its header fields Content-Type; the others stay. title is also the page's heading.
 * form_targets: origins besides this one that forms of the page may lead to, separated by spaces; "" for none.
 */
void page_begin(struct page *page, struct http_response *response, int status, const char *title,
                const char *form_targets);

void page_markup(struct page *page, const char *html);   /* a literal of this program */
void page_text(struct page *page, struct slice text);    /* escaped; for elements and quoted attributes */
void page_string(struct page *page, const char *string); /* likewise */

/* False: there was no room for all of it, and another page is to be written. */
bool page_end(struct page *page);

/* A whole page with one paragraph and, where back is not empty, a link to where the visitor came from. */
void page_write_message(struct http_response *response, int status, const char *title, const char *text,
                        struct slice back);

#endif
