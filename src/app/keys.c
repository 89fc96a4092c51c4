/*
 * A key has 256 bits, so its plain SHA-256 cannot be turned back, and a look-up costs no more than that. The digest is
 * compared with all of the configuration's, without an early end.
 */
#include "app/keys.h"

#include <stdlib.h>

#include "fcgi_smtp/base64.h"
#include "fcgi_smtp/digest.h"
#include "fcgi_smtp/secret.h"

#define CREDENTIALS_MAX ((size_t)1024) /* octets; a longer text is no key */

bool keys_init(struct keys *keys, const struct config *config)
{
    keys->config = config;
    keys->digests = calloc(config->key_count + 1, DIGEST_SIZE);
    if (keys->digests == NULL) {
        return false;
    }
    for (size_t i = 0; i < config->key_count; i++) {
        /* The configuration's check has found it good. */
        (void)!digest_from_hex(slice_of(config->keys[i].sha256), keys->digests + i * DIGEST_SIZE);
    }
    return true;
}

void keys_free(struct keys *keys)
{
    free(keys->digests);
    *keys = (struct keys){0};
}

static enum keys_result look_up(const struct keys *keys, struct slice text, const struct config_key **key)
{
    unsigned char digest[DIGEST_SIZE];
    const struct config_key *found = NULL;
    if (!digest_of(text, digest)) {
        return KEYS_FAILED;
    }
    for (size_t i = 0; i < keys->config->key_count; i++) {
        found = digest_equal(digest, keys->digests + i * DIGEST_SIZE) ? &keys->config->keys[i] : found;
    }
    *key = found;
    return found != NULL ? KEYS_FOUND : KEYS_UNKNOWN;
}

/* RFC 7617 2: base64 of "user:password"; a user has no colon. */
static enum keys_result look_up_basic(const struct keys *keys, struct slice credentials,
                                      const struct config_key **key)
{
    char text[BASE64_DECODER_UPDATE_MAX(CREDENTIALS_MAX)];
    size_t len = 0;
    enum keys_result result = KEYS_UNKNOWN;
    if (base64_decode(credentials.data, credentials.len, text, &len)) {
        const char *colon = len > 0 ? memchr(text, ':', len) : NULL;
        size_t before = colon != NULL ? (size_t)(colon - text) + 1 : 0;
        result = colon != NULL ? look_up(keys, (struct slice){text + before, len - before}, key) : result;
    }
    secret_wipe(text, sizeof text);
    return result;
}

/* Takes "SCHEME 1*SP" off text (RFC 9110 11.4). Schemes have no case. */
static bool take_scheme(struct slice *text, const char *scheme)
{
    size_t len = strlen(scheme);
    if (text->len <= len || strncasecmp(text->data, scheme, len) != 0 || text->data[len] != ' ') {
        return false;
    }
    while (len < text->len && text->data[len] == ' ') {
        len++;
    }
    slice_skip(text, len);
    return true;
}

enum keys_result keys_find(const struct keys *keys, const char *authorization, const struct config_key **key)
{
    struct slice text = slice_of(authorization);
    *key = NULL;
    if (text.len == 0) {
        return KEYS_NONE;
    }
    if (take_scheme(&text, "Bearer") && text.len > 0 && text.len <= CREDENTIALS_MAX) {
        return look_up(keys, text, key);
    }
    text = slice_of(authorization);
    if (take_scheme(&text, "Basic") && text.len > 0 && text.len <= CREDENTIALS_MAX) {
        return look_up_basic(keys, text, key);
    }
    return KEYS_UNKNOWN;
}

void keys_challenge(struct http_response *response, bool wrong)
{
    /* They fit: a problem's own fields are few. RFC 6750 3.1: a request without a key gets no error code. */
    (void)!http_response_header(response, "WWW-Authenticate",
                                wrong ? "Bearer realm=\"fcgi-smtp\", error=\"invalid_token\""
                                      : "Bearer realm=\"fcgi-smtp\"");
    (void)!http_response_header(response, "WWW-Authenticate", "Basic realm=\"fcgi-smtp\", charset=\"UTF-8\"");
}
