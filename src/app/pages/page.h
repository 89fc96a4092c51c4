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

struct page_head {
    int status;
    const char *title; /* also the page's heading */
    /* Origins besides this one that forms of the page may lead to, separated by spaces; NULL: it has no form. */
    const char *form_targets;
    unsigned refresh;    /* seconds after which the browser loads the page again; 0: never */
    struct slice script; /* runs at the page's end, and may talk to this origin; empty: none */
    bool wide;           /* it holds tables */
};

struct page {
    struct http_response *response;
    struct slice script;
    bool good; /* nothing was left out for want of room or memory */
};

/* Replaces the response's body, and of its header fields Content-Type; the others stay. */
void page_begin(struct page *page, struct http_response *response, const struct page_head *head);

void page_markup(struct page *page, const char *html);   /* a literal of this program */
void page_text(struct page *page, struct slice text);    /* escaped; for elements and quoted attributes */
void page_string(struct page *page, const char *string); /* likewise */

/* Markup of this program with numbers and such in it, nothing of anybody else's. */
void page_format(struct page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* False: there was no room for all of it, and another page is to be written. */
bool page_end(struct page *page);

/* A whole page with one paragraph and, where back is not empty, a link to where the visitor came from. */
void page_write_message(struct http_response *response, int status, const char *title, const char *text,
                        struct slice back);

#endif
