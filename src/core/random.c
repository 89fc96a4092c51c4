#include "fcgi_smtp/random.h"

#include <limits.h>
#include <openssl/rand.h>

bool random_octets(void *out, size_t len)
{
    return len <= INT_MAX && RAND_bytes(out, (int)len) == 1;
}

bool random_hex(char *out, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    /* The octets go into the output's second half and are spread from there, front to back. */
    unsigned char *octets = (unsigned char *)out + len / 2;
    if (!random_octets(octets, (len + 1) / 2)) {
        return false;
    }
    for (size_t i = 0; i < len; i += 2) {
        unsigned char octet = octets[i / 2];
        out[i] = digits[octet >> 4];
        if (i + 1 < len) {
            out[i + 1] = digits[octet & 15];
        }
    }
    out[len] = '\0';
    return true;
}
