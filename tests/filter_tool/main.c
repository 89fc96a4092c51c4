/*
 * filter_tool: runs filters on the cases that stand on standard input and writes what they gave.
 *
 * A case is a line "NAME PARAMETER STEP LENGTH" and so many octets; an answer is a line "ok LENGTH" or "refused
 * LENGTH" and so many octets.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "filters.h"

enum { LINE_MAX_OCTETS = 200, CASE_MAX = 64 << 20 };

static bool fail(const char *what)
{
    (void)fprintf(stderr, "filter_tool: %s\n", what);
    return false;
}

static bool answer(enum filter_result result, const struct buf *out)
{
    (void)printf("%s %zu\n", result == FILTER_OK ? "ok" : "refused", out->len);
    return fwrite(out->data, 1, out->len, stdout) == out->len;
}

static bool run_case(const char *line, struct buf *in, struct buf *out)
{
    char name[LINE_MAX_OCTETS];
    size_t parameter;
    size_t step;
    size_t len;
    if (sscanf(line, "%199s %zu %zu %zu", name, &parameter, &step, &len) != 4) {
        return fail("a case begins with NAME PARAMETER STEP LENGTH");
    }
    buf_clear(in);
    buf_clear(out);
    char *room = buf_reserve(in, len);
    if (room == NULL || fread(room, 1, len, stdin) != len) {
        return fail("a case is cut off or too long");
    }
    enum filter_result result = filter_run(name, parameter, (struct slice){room, len}, step, out);
    if (result == FILTER_UNKNOWN) {
        return fail("there is no filter of that name");
    }
    return answer(result, out);
}

int main(void)
{
    char line[LINE_MAX_OCTETS];
    struct buf in;
    struct buf out;
    bool ok = true;
    buf_init(&in, CASE_MAX);
    buf_init(&out, (size_t)4 * CASE_MAX);
    while (ok && fgets(line, sizeof line, stdin) != NULL) {
        ok = run_case(line, &in, &out);
    }
    buf_free(&in);
    buf_free(&out);
    return ok && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
