/*
 * Numbers are whole but for the sums of histograms, which are microseconds written as seconds: no floating point is
 * needed, and no locale can meddle.
 */
#include "app/pages/exposition.h"

#include <inttypes.h>

static void put(struct exposition *e, const char *text)
{
    e->good = e->good && buf_append_string(e->out, text);
}

void exposition_metric(struct exposition *e, const char *name, const char *type, const char *help)
{
    e->good = e->good && buf_printf(e->out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* A label's value: backslash, quote and line feed are escaped. */
static void put_escaped(struct exposition *e, const char *value)
{
    for (; e->good && *value != '\0'; value++) {
        switch (*value) {
        case '\\':
            put(e, "\\\\");
            break;
        case '"':
            put(e, "\\\"");
            break;
        case '\n':
            put(e, "\\n");
            break;
        default:
            e->good = buf_append_char(e->out, *value);
            break;
        }
    }
}

static void put_label(struct exposition *e, const struct exposition_label *label, bool first)
{
    e->good = e->good && buf_printf(e->out, "%s%s=\"", first ? "{" : ",", label->name);
    put_escaped(e, label->value);
    put(e, "\"");
}

/* le: NULL, or the value of a further label of that name. */
static void put_labels(struct exposition *e, const struct exposition_label *labels, size_t count,
                       const char *le)
{
    for (size_t i = 0; i < count; i++) {
        put_label(e, &labels[i], i == 0);
    }
    if (le != NULL) {
        put_label(e, &(struct exposition_label){"le", le}, count == 0);
    }
    put(e, count > 0 || le != NULL ? "} " : " ");
}

void exposition_sample(struct exposition *e, const char *name, const struct exposition_label *labels,
                       size_t count, uint64_t value)
{
    put(e, name);
    put_labels(e, labels, count, NULL);
    e->good = e->good && buf_printf(e->out, "%" PRIu64 "\n", value);
}

void exposition_histogram(struct exposition *e, const char *name, const struct exposition_label *labels,
                          size_t count, const struct metrics_times *times)
{
    uint64_t total = 0;
    for (size_t i = 0; i < METRICS_BUCKETS; i++) {
        total += times->buckets[i];
        e->good = e->good && buf_printf(e->out, "%s_bucket", name);
        put_labels(e, labels, count, metrics_bound_text(i));
        e->good = e->good && buf_printf(e->out, "%" PRIu64 "\n", total);
    }
    e->good = e->good && buf_printf(e->out, "%s_sum", name);
    put_labels(e, labels, count, NULL);
    e->good = e->good && buf_printf(e->out, "%" PRIu64 ".%06" PRIu64 "\n%s_count", times->sum / 1000000,
                                    times->sum % 1000000, name);
    put_labels(e, labels, count, NULL);
    e->good = e->good && buf_printf(e->out, "%" PRIu64 "\n", total);
}
