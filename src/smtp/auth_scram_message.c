/*
 * Attributes come in the order of the grammar, each one letter and "="; extensions behind those that are known
 * are skipped, but "m=" in front means that we must not go on (RFC 5802 5.1).
 */
#include "smtp/auth_scram_message.h"

#include <stdint.h>
#include <string.h>

#include "fcgi_smtp/base64.h"

#define QUOTE_MAX 100 /* octets of the server's own words that an error shows */

/* Takes "name=value" and the comma behind it off *rest. */
static bool take_attribute(struct slice *rest, char name, struct slice *value)
{
    if (rest->len < 2 || rest->data[0] != name || rest->data[1] != '=') {
        return false;
    }
    const char *comma = memchr(rest->data, ',', rest->len);
    size_t end = comma != NULL ? (size_t)(comma - rest->data) : rest->len;
    *value = (struct slice){rest->data + 2, end - 2};
    slice_skip(rest, comma != NULL ? end + 1 : end);
    return true;
}

static enum scram_result broken(struct err *why, const char *what)
{
    err_set(why, "%s", what);
    return SCRAM_BROKEN;
}

/* RFC 5802 7: server-error. Some servers send it in place of the first message, too. */
static bool is_error(struct slice message, struct err *why)
{
    struct slice value;
    if (!take_attribute(&message, 'e', &value)) {
        return false;
    }
    if (value.len == 0) {
        value = SLICE("an error without a name");
    }
    int len = value.len < QUOTE_MAX ? (int)value.len : QUOTE_MAX;
    err_set(why, "%.*s", len, value.data);
    return true;
}

/* printable = %x21-2B / %x2D-7E */
static bool is_printable(struct slice text)
{
    bool good = true;
    for (size_t i = 0; i < text.len; i++) {
        good = good && text.data[i] >= 0x21 && text.data[i] <= 0x7e && text.data[i] != ',';
    }
    return good;
}

static enum scram_result check_nonce(struct slice nonce, struct slice own, struct err *why)
{
    if (!is_printable(nonce)) {
        return broken(why, "a nonce of other than printable characters");
    }
    if (nonce.len <= own.len || memcmp(nonce.data, own.data, own.len) != 0) {
        err_set(why,
                "the server's nonce does not continue ours: the exchange may be an old one played again");
        return SCRAM_DISTRUSTED;
    }
    return SCRAM_OK;
}

static bool decode_salt(struct slice text, struct scram_challenge *challenge)
{
    if (text.len == 0 || BASE64_DECODER_UPDATE_MAX(text.len) > sizeof challenge->salt) {
        return false;
    }
    return base64_decode(text.data, text.len, challenge->salt, &challenge->salt_len) &&
           challenge->salt_len > 0;
}

/* posit-number = %x31-39 *DIGIT. What is over any maximum stays there. */
static bool parse_iterations(struct slice text, uint64_t *iterations)
{
    *iterations = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned)(unsigned char)text.data[i] - '0';
        if (digit > 9 || (i == 0 && digit == 0)) {
            return false;
        }
        if (*iterations <= SCRAM_ITERATIONS_MAX) {
            *iterations = *iterations * 10 + digit;
        }
    }
    return text.len > 0;
}

static enum scram_result check_iterations(struct slice text, struct scram_challenge *challenge,
                                          struct err *why)
{
    uint64_t iterations = 0;
    if (!parse_iterations(text, &iterations)) {
        return broken(why, "an iteration count that is no number");
    }
    if (iterations < SCRAM_ITERATIONS_MIN || iterations > SCRAM_ITERATIONS_MAX) {
        err_set(why, "the server's iteration count %.*s is not between %d and %d",
                (int)(text.len < 20 ? text.len : 20), text.data, SCRAM_ITERATIONS_MIN, SCRAM_ITERATIONS_MAX);
        return SCRAM_DISTRUSTED;
    }
    challenge->iterations = (int)iterations;
    return SCRAM_OK;
}

enum scram_result scram_parse_first(struct slice message, struct slice own, struct scram_challenge *challenge,
                                    struct err *why)
{
    if (is_error(message, why)) {
        return SCRAM_REFUSED;
    }
    struct slice rest = message;
    struct slice salt;
    struct slice iterations;
    if (take_attribute(&rest, 'm', &salt)) {
        return broken(why, "a mandatory extension (m=), of which none is known here");
    }
    if (!take_attribute(&rest, 'r', &challenge->nonce) || !take_attribute(&rest, 's', &salt) ||
        !take_attribute(&rest, 'i', &iterations)) {
        return broken(why, "a first message that is not \"r=nonce,s=salt,i=iterations\"");
    }
    enum scram_result result = check_nonce(challenge->nonce, own, why);
    if (result != SCRAM_OK) {
        return result;
    }
    if (!decode_salt(salt, challenge)) {
        return broken(why, "a salt that is empty, too long or not base64");
    }
    return check_iterations(iterations, challenge, why);
}

enum scram_result scram_parse_final(struct slice message, unsigned char *signature, size_t len,
                                    struct err *why)
{
    if (is_error(message, why)) {
        return SCRAM_REFUSED;
    }
    struct slice value;
    char decoded[BASE64_DECODER_UPDATE_MAX(4 * SCRAM_SIGNATURE_MAX)];
    size_t decoded_len = 0;
    if (!take_attribute(&message, 'v', &value) || value.len > (size_t)4 * SCRAM_SIGNATURE_MAX ||
        !base64_decode(value.data, value.len, decoded, &decoded_len) || decoded_len != len) {
        return broken(why, "a final message that is not \"v=signature\"");
    }
    memcpy(signature, decoded, len);
    return SCRAM_OK;
}
