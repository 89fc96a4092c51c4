/*
 * A page that is not listed does not exist.
 */
#include "app/pages/pages.h"

#include <stdlib.h>

#include "app/access.h"
#include "app/exchange.h"
#include "app/pages/page.h"

bool pages_init(struct pages *pages, const struct config *config)
{
    const struct config_strings *from = &config->pages_from;
    pages->from = calloc(from->count + 1, sizeof *pages->from);
    for (size_t i = 0; pages->from != NULL && i < from->count;
         i++) { /* the configuration's check found them good */
        pages->from_count += http_network_parse(&pages->from[pages->from_count], from->items[i]) ? 1 : 0;
    }
    return pages->from != NULL;
}

void pages_free(struct pages *pages)
{
    free(pages->from);
    pages->from = NULL;
}

static bool comes_from_near(const struct exchange *exchange)
{
    const struct pages *pages = &exchange->snapshot->pages;
    const char *remote = http_request_param(exchange->request, "REMOTE_ADDR");
    return remote != NULL && http_network_has(pages->from, pages->from_count, remote);
}

static bool refuse(struct exchange *exchange)
{
    if (exchange->key != NULL) {
        err_set(&exchange->err,
                "The key %s may not see this page; the operator can list it in the key's allow.pages",
                exchange->key->name);
    } else {
        err_set(&exchange->err,
                "This page is only for addresses in pages_from, and for API keys with allow.pages");
    }
    (void)exchange_refuse(exchange, PROBLEM_KEY_REQUIRED);
    keys_challenge(exchange->response, false);
    return false;
}

bool page_allowed(struct exchange *exchange, enum config_page page)
{
    if ((exchange->snapshot->config->pages & page) == 0) {
        err_set(&exchange->err, "There is nothing at this path; the operator can list this page in pages");
        return exchange_refuse(exchange, PROBLEM_NO_SUCH_ROUTE);
    }
    if (!access_check(exchange)) { /* a wrong key is never taken for none */
        return false;
    }
    bool by_key = exchange->key != NULL && (exchange->key->allow.pages & page) != 0;
    return by_key || comes_from_near(exchange) || refuse(exchange);
}

void pages_end(struct exchange *exchange, struct page *page)
{
    exchange->result = RESULT_OK;
    if (!page_end(page)) {
        err_set(&exchange->err, "There is no room for the page");
        (void)exchange_refuse(exchange, PROBLEM_INTERNAL);
    }
}
