/*
 * monitor: counts each request and each failure, and answers those who watch: /readyz and /metrics.
 */
#ifndef FCGI_SMTP_APP_MONITOR_H
#define FCGI_SMTP_APP_MONITOR_H

struct exchange;
struct metrics_server;

/* The answer is ready and about to be written. Once for each request. */
void monitor_count(struct exchange *exchange);

void monitor_answer_ready(struct exchange *exchange);
void monitor_answer_metrics(struct exchange *exchange);

/*
 * Goes through the servers that are worth showing: those of the exchange's configuration, former ones that were used, and at
 * last those of requests' own (metrics.others), if there were any. last NULL: the first one. NULL: there is no further one.
 */
const struct metrics_server *monitor_server(const struct exchange *exchange,
                                            const struct metrics_server *last);

#endif
