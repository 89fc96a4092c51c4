/*
 * latency_chart: a histogram of times as inline SVG.
 */
#ifndef FCGI_SMTP_APP_LATENCY_CHART_H
#define FCGI_SMTP_APP_LATENCY_CHART_H

#include "app/pages/metrics.h"
#include "app/pages/page.h"

/* A bar for each bucket with its count above and its bound below. title says what it shows, also to screen readers. */
void latency_chart(struct page *page, const struct metrics_times *times, const char *title);

#endif
