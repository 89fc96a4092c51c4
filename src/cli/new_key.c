/*
 * The key itself is in the first line alone, so that a script can take it; nothing else keeps it. The lines for the
 * configuration hold its digest only.
 */
#include "cli/new_key.h"

#include <string.h>

#include "fcgi_smtp/digest.h"
#include "fcgi_smtp/random.h"
#include "fcgi_smtp/secret.h"

#define KEY_DIGITS 64 /* 256 bits */
#define PREFIX_LEN (sizeof NEW_KEY_PREFIX - 1)

static bool write_key(const char *name, const char *key, FILE *out)
{
    unsigned char digest[DIGEST_SIZE];
    char digits[DIGEST_HEX_SIZE + 1];
    if (!digest_of(slice_of(key), digest)) {
        return false;
    }
    digest_to_hex(digest, digits);
    return fprintf(out,
                   "%s\n"
                   "\n"
                   "# That is the key, shown this once: give it to the program that sends mails. The "
                   "configuration\n"
                   "# gets these lines; say in allow what a request with the key may do.\n"
                   "keys:\n"
                   "  - name: \"%s\"\n"
                   "    sha256: \"%s\"\n"
                   "    allow:\n"
                   "      recipients: []   # for example [\"*@example.com\"]\n"
                   "      senders: []      # for example [app@example.com]\n",
                   key, name, digits) > 0 &&
           fflush(out) == 0;
}

bool new_key(const char *name, FILE *out, FILE *err)
{
    char key[PREFIX_LEN + KEY_DIGITS + 1] = NEW_KEY_PREFIX;
    bool good = random_hex(key + PREFIX_LEN, KEY_DIGITS) && write_key(name, key, out);
    secret_wipe(key, sizeof key);
    if (!good) {
        (void)fputs("fcgi-smtp: the key could not be made or written\n", err);
    }
    return good;
}
