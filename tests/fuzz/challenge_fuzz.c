/*
 * A server's challenges to every mechanism. The first octet chooses the mechanism and whether there is a channel
 * binding, the second whether what follows is base64 already; the rest are challenges, a line each. Nothing but the
 * right signature makes SCRAM believe, every response fits, and every failure has a reason that is printable.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi_smtp/base64.h"
#include "fcgi_smtp/utf8.h"
#include "smtp/auth.h"

#define NONCE "rOprNGfwEbeRWgbNEkqO"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void require_printable(const char *text)
{
    struct slice all = slice_of(text);
    require(utf8_valid_prefix(all) == all.len);
    for (size_t i = 0; i < all.len; i++) {
        require((unsigned char)text[i] >= 0x20 && text[i] != 0x7f);
    }
}

/* Rounds are what SCRAM costs, and its own tests look at the limit: here they would only make fuzzing slow. */
static bool is_slow(struct slice text)
{
    size_t digits = 0;
    bool slow = false;
    for (size_t i = 0; i < text.len; i++) {
        digits = text.data[i] >= '0' && text.data[i] <= '9' ? digits + 1 : 0;
        slow = slow || (digits > 4 && digits < 8);
    }
    return slow;
}

static bool is_scram(enum smtp_auth mechanism)
{
    return mechanism >= SMTP_AUTH_SCRAM_SHA_1 && mechanism <= SMTP_AUTH_SCRAM_SHA_256_PLUS;
}

static enum auth_result respond(struct auth *auth, struct slice line, bool encoded)
{
    struct buf text;
    struct buf out;
    struct err why = {.text = ""};
    buf_init(&text, (size_t)4 * 1024 * 1024);
    buf_init(&out, AUTH_RESPONSE_MAX);
    if (encoded) {
        require(buf_append_slice(&text, line));
    } else if (line.len > 0) {
        char *to = buf_reserve(&text, base64_encoded_size(line.len, BASE64_UNWRAPPED));
        require(to != NULL);
        text.len += base64_encode(line.data, line.len, to);
    }
    enum auth_result result = auth_respond(auth, buf_slice(&text), &out, &why);
    require(result == AUTH_RESPONSE || out.len == 0);
    require(result == AUTH_RESPONSE || result == AUTH_UNEXPECTED || why.text[0] != '\0');
    require(result != AUTH_LOCAL_FAILURE);
    require(!slice_has(buf_slice(&out), '\r') && !slice_has(buf_slice(&out), '\n'));
    require_printable(why.text);
    require_printable(auth->complaint.text);
    buf_wipe(&out);
    buf_free(&text);
    return result;
}

/* The known answer of RFC 7677 3. */
static bool holds_signature(const uint8_t *data, size_t size)
{
    static const char signature[] = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
    return memmem(data, size, signature, sizeof signature - 1) != NULL;
}

static void play(struct auth *auth, const uint8_t *data, size_t size, bool encoded)
{
    enum auth_result result = AUTH_RESPONSE;
    if (auth_has_initial(auth)) {
        result = respond(auth, (struct slice){NULL, 0}, false);
    }
    size_t at = 0;
    while (result == AUTH_RESPONSE && at < size) {
        const uint8_t *lf = memchr(data + at, '\n', size - at);
        size_t len = lf != NULL ? (size_t)(lf - data) - at : size - at;
        struct slice line = {(const char *)data + at, len};
        if (is_slow(line)) {
            return;
        }
        result = respond(auth, line, encoded);
        at += len + 1;
    }
    struct err why = {.text = ""};
    bool believes = auth_believes(auth, &why);
    require(believes || why.text[0] != '\0');
    require_printable(why.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char token[] = "pencil";
    static const char binding[32] = "thirty-two octets of a channel..";
    if (size < 2) {
        return 0;
    }
    enum smtp_auth mechanism = (enum smtp_auth)(SMTP_AUTH_PLAIN + data[0] % SMTP_AUTH_EXTERNAL);
    bool encoded = (data[1] & 1) != 0;
    struct secret password = {token, sizeof token - 1};
    struct smtp_settings settings = {.host = "mail.example", .port = 587, .user = "user", .auth = mechanism};
    struct capabilities capabilities = {.auth = CAPABILITY_AUTH(mechanism), .auth_offered = "ALL"};
    struct auth_terms terms = {.settings = &settings,
                               .password = &password,
                               .capabilities = &capabilities,
                               .server = "mail.example:587",
                               .encrypted = true,
                               .confidential = true,
                               .binding = {binding, sizeof binding}};
    struct auth auth;
    struct err why = {.text = ""};
    require(auth_begin(&auth, &terms, &why));
    (void)snprintf(auth.scram.nonce, sizeof auth.scram.nonce, "%s", NONCE);
    auth.scram.flag =
        auth.scram.flag == SCRAM_COULD_BIND ? SCRAM_NOT_BOUND : auth.scram.flag; /* RFC 7677's "n" */
    play(&auth, data + 2, size - 2, encoded);
    require(!is_scram(mechanism) || !auth.complete || encoded || holds_signature(data, size) ||
            mechanism != SMTP_AUTH_SCRAM_SHA_256);
    auth_end(&auth);
    return 0;
}
