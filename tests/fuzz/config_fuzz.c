/*
 * Any octets as a configuration file. What is accepted must come back equal from its own print. Files that an
 * input names are only looked at, or read as a password.
 */
#include <stdint.h>
#include <stdlib.h>

#include "fcgi_smtp/config.h"

#define PRINT_LIMIT ((size_t)64 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct config *parse(struct slice yaml)
{
    struct config_report report;
    config_report_init(&report);
    struct config *config = config_parse("fuzz", yaml, false, &report);
    if ((config == NULL) != (report.problems.len > 0)) {
        abort();
    }
    config_report_free(&report);
    return config;
}

static void print(const struct config *config, struct buf *out)
{
    buf_init(out, PRINT_LIMIT);
    if (config == NULL || !config_print(config, out)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config *first = parse((struct slice){(const char *)data, size});
    if (first == NULL) {
        return 0;
    }
    struct buf once;
    struct buf twice;
    print(first, &once);
    struct config *second = parse(buf_slice(&once));
    print(second, &twice);
    if (!slice_equal(buf_slice(&once), buf_slice(&twice))) {
        abort();
    }
    buf_free(&once);
    buf_free(&twice);
    config_free(first);
    config_free(second);
    return 0;
}
