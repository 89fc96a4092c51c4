/*
 * The kernel's generator itself: what is asked of it are a few octets a mail, for which one system call costs less than
 * half of what OpenSSL's does, and no thread needs a generator of its own.
 */
#include "fcgi_smtp/random.h"

#include <errno.h>
#include <sys/random.h>

#include "fcgi_smtp/secret.h"

#define HEX_AT_ONCE 64 /* octets of randomness fetched in one go */

bool random_octets(void *out, size_t len)
{
    unsigned char *next = out;
    while (len > 0) {
        ssize_t n = getrandom(next, len, 0);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        next += n;
        len -= (size_t)n;
    }
    return true;
}

static void put_hex(char *out, size_t len, const unsigned char *octets)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        unsigned octet = octets[i / 2];
        out[i] = digits[i % 2 == 0 ? octet >> 4 : octet & 0x0F];
    }
}

bool random_hex(char *out, size_t len)
{
    unsigned char octets[HEX_AT_ONCE] = {0};
    size_t done = 0;
    while (done < len) {
        size_t n = len - done < 2 * sizeof octets ? len - done : 2 * sizeof octets;
        if (!random_octets(octets, (n + 1) / 2)) {
            break;
        }
        put_hex(out + done, n, octets);
        done += n;
    }
    secret_wipe(octets, sizeof octets); /* the digits may become a key */
    out[done] = '\0';
    return done == len;
}
