/*
 * Without a key a request may do what the top-level allow says; a wrong one is never taken for none, so that a client
 * with a mistyped key hears of that, not of a policy that is not its own.
 */
#include "app/access.h"

#include "app/exchange.h"
#include "app/keys.h"

static bool refuse_key(struct exchange *exchange, enum http_problem problem, bool wrong)
{
    (void)exchange_refuse(exchange, problem);
    keys_challenge(exchange->response, wrong);
    return false;
}

bool access_check(struct exchange *exchange)
{
    const char *authorization = http_request_param(exchange->request, "HTTP_AUTHORIZATION");
    switch (keys_find(&exchange->snapshot->keys, authorization, &exchange->key)) {
    case KEYS_NONE:
        return true;
    case KEYS_FOUND:
        exchange->allow = &exchange->key->allow;
        return true;
    case KEYS_UNKNOWN:
        err_set(&exchange->err,
                "The API key is not known here; send a known one as Authorization: Bearer KEY, "
                "or by Basic with the key as the password");
        return refuse_key(exchange, PROBLEM_KEY_UNKNOWN, true);
    case KEYS_FAILED:
        break;
    }
    err_set(&exchange->err, "There is no memory left to look at the API key");
    return exchange_refuse(exchange, PROBLEM_INTERNAL);
}

bool access_require(struct exchange *exchange)
{
    err_set(&exchange->err,
            "This needs an API key; send one as Authorization: Bearer KEY, or by Basic with the "
            "key as the password");
    return refuse_key(exchange, PROBLEM_KEY_REQUIRED, false);
}

void access_explain(struct exchange *exchange)
{
    struct err *err = &exchange->err;
    if (exchange->key != NULL) {
        err_set(err, "%s of the key %s", err->text, exchange->key->name);
    } else if (exchange->snapshot->config->key_count > 0) {
        err_set(err, "%s; or send an API key that may (Authorization: Bearer KEY)", err->text);
    }
}
