/*
 * keys: which API key a request brings, by its Authorization header (RFC 6750, RFC 7617).
 */
#ifndef FCGI_SMTP_APP_KEYS_H
#define FCGI_SMTP_APP_KEYS_H

#include <stdbool.h>

#include "fcgi_smtp/config.h"
#include "fcgi_smtp/http_response.h"

/* The digests of a configuration's keys, which must outlive them. */
struct keys {
    const struct config *config;
    unsigned char *digests; /* owned: DIGEST_SIZE octets for each of config->keys */
};

/* False without memory. */
bool keys_init(struct keys *keys, const struct config *config) __attribute__((warn_unused_result));
void keys_free(struct keys *keys); /* takes a zeroed one */

enum keys_result {
    KEYS_NONE,    /* no Authorization header, or an empty one */
    KEYS_FOUND,   /* *key is the one */
    KEYS_UNKNOWN, /* a wrong key, another scheme, or no credentials at all */
    KEYS_FAILED   /* memory */
};

/*
 * "Bearer KEY", or "Basic" with any user and KEY as the password. Takes the same time for every key of one length,
 * known or not. authorization may be NULL.
 */
enum keys_result keys_find(const struct keys *keys, const char *authorization, const struct config_key **key);

/* Adds the WWW-Authenticate fields that a 401 needs (RFC 9110 11.6.1); wrong: a key was given. */
void keys_challenge(struct http_response *response, bool wrong);

#endif
