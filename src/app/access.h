/*
 * access: who asks: the API key of a request, and what is allowed by it.
 */
#ifndef FCGI_SMTP_APP_ACCESS_H
#define FCGI_SMTP_APP_ACCESS_H

#include <stdbool.h>

struct exchange;

/* Sets exchange->key and ->allow. False: a key was given that is none, and a 401 was answered. */
bool access_check(struct exchange *exchange);

/* Answers 401 key-required: for a route that needs a key, and has got none. Always false. */
bool access_require(struct exchange *exchange);

/* Adds to the text of a refusal by policy whose allow is to be widened. */
void access_explain(struct exchange *exchange);

#endif
