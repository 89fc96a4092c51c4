/*
 * pages: which of the pages for people and monitoring there are (pages:), and who may see them: a peer in pages_from, or
 * a key with allow.pages.
 */
#ifndef FCGI_SMTP_APP_PAGES_H
#define FCGI_SMTP_APP_PAGES_H

#include <stdbool.h>
#include <stddef.h>

#include "fcgi_smtp/config.h"
#include "fcgi_smtp/http_server.h"

struct exchange;
struct page;

struct pages {
    struct http_network *from; /* owned: pages_from */
    size_t from_count;
};

/* False without memory. */
bool pages_init(struct pages *pages, const struct config *config) __attribute__((warn_unused_result));
void pages_free(struct pages *pages); /* takes a zeroed one */

/* False: the request may not see the page, or there is none, as was answered. */
bool page_allowed(struct exchange *exchange, enum config_page page);

/* Ends a page and the request. Where there was no room for all of it the answer is a 500. */
void pages_end(struct exchange *exchange, struct page *page);

#endif
