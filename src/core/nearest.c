/*
 * Optimal string alignment distance over three rows; names are short, so nothing cleverer is needed.
 */
#include "fcgi_smtp/nearest.h"

#include <stdint.h>

static size_t smallest(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Whether a's last two of i characters are b's last two of j the other way round. */
static bool swapped(struct slice a, size_t i, struct slice b, size_t j)
{
    return i > 1 && j > 1 && ascii_lower(a.data[i - 1]) == ascii_lower(b.data[j - 2]) &&
           ascii_lower(a.data[i - 2]) == ascii_lower(b.data[j - 1]);
}

static size_t distance(struct slice a, struct slice b)
{
    size_t rows[3][NEAREST_NAME_MAX + 1];
    for (size_t j = 0; j <= b.len; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a.len; i++) {
        size_t *now = rows[i % 3];
        const size_t *before = rows[(i + 2) % 3];
        const size_t *two_before = rows[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t replace = before[j - 1] + (ascii_lower(a.data[i - 1]) != ascii_lower(b.data[j - 1]));
            now[j] = smallest(replace, smallest(before[j], now[j - 1]) + 1);
            now[j] = swapped(a, i, b, j) ? smallest(now[j], two_before[j - 2] + 1) : now[j];
        }
    }
    return rows[a.len % 3][b.len];
}

const char *nearest_name(struct slice unknown, const char *const *known, size_t count)
{
    const char *best = NULL;
    size_t best_distance = SIZE_MAX;
    for (size_t i = 0; i < count && unknown.len > 0 && unknown.len <= NEAREST_NAME_MAX; i++) {
        struct slice name = slice_of(known[i]);
        if (name.len > NEAREST_NAME_MAX) {
            continue;
        }
        size_t longer = name.len > unknown.len ? name.len : unknown.len;
        size_t most = longer / 3 > 1 ? longer / 3 : 1;
        size_t found = distance(unknown, name);
        if (found <= most && found < best_distance && found < longer) {
            best = known[i];
            best_distance = found;
        }
    }
    return best;
}
