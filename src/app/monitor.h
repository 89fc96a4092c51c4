/*
 * monitor: counts each request and each failure, and answers those who watch: /readyz and /metrics.
 */
#ifndef FCGI_SMTP_APP_MONITOR_H
#define FCGI_SMTP_APP_MONITOR_H

struct exchange;

/* The answer is ready and about to be written. Once for each request. */
void monitor_count(struct exchange *exchange);

void monitor_answer_ready(struct exchange *exchange);
void monitor_answer_metrics(struct exchange *exchange);

#endif
