#include "app/dsn.h"

static const struct {
    struct slice word;
    unsigned bit;
} notify_words[] = {
    {SLICE_INIT("never"), SMTP_NOTIFY_NEVER},
    {SLICE_INIT("success"), SMTP_NOTIFY_SUCCESS},
    {SLICE_INIT("failure"), SMTP_NOTIFY_FAILURE},
    {SLICE_INIT("delay"), SMTP_NOTIFY_DELAY},
};

/* 0: there is no such word. */
static unsigned bit_of(struct slice word)
{
    for (size_t i = 0; i < sizeof notify_words / sizeof notify_words[0]; i++) {
        if (slice_equal_nocase(word, notify_words[i].word)) {
            return notify_words[i].bit;
        }
    }
    return 0;
}

static bool is_separator(char c)
{
    return c == ',' || ascii_is_blank(c);
}

bool dsn_notify(struct slice text, unsigned *bits)
{
    *bits = 0;
    size_t at = 0;
    while (at < text.len) {
        size_t begin = at;
        while (at < text.len && !is_separator(text.data[at])) {
            at++;
        }
        unsigned bit = bit_of((struct slice){text.data + begin, at - begin});
        if (at > begin && bit == 0) {
            return false;
        }
        *bits |= bit;
        at++;
    }
    /* RFC 3461 4.1: NEVER stands alone. */
    return *bits == SMTP_NOTIFY_NEVER || (*bits != 0 && (*bits & SMTP_NOTIFY_NEVER) == 0);
}

bool dsn_ret(struct slice text, enum smtp_ret *ret)
{
    bool full = slice_equal_nocase(text, SLICE("full"));
    *ret = full ? SMTP_RET_FULL : SMTP_RET_HDRS;
    return full || slice_equal_nocase(text, SLICE("headers"));
}
