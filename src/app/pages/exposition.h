/*
 * exposition: the Prometheus text format 0.0.4. Pure.
 */
#ifndef FCGI_SMTP_APP_EXPOSITION_H
#define FCGI_SMTP_APP_EXPOSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/pages/metrics.h"
#include "fcgi_smtp/buf.h"

#define EXPOSITION_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct exposition {
    struct buf *out;
    bool good; /* all of it had room */
};

struct exposition_label {
    const char *name;
    const char *value; /* any text: it is escaped */
};

/* The two lines before the samples of a metric. type: "counter", "gauge", "histogram". */
void exposition_metric(struct exposition *e, const char *name, const char *type, const char *help);

void exposition_sample(struct exposition *e, const char *name, const struct exposition_label *labels,
                       size_t count, uint64_t value);

/* NAME_bucket, NAME_sum and NAME_count, in seconds. */
void exposition_histogram(struct exposition *e, const char *name, const struct exposition_label *labels,
                          size_t count, const struct metrics_times *times);

#endif
