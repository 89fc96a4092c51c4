/*
 * delivery: gives a composed message to the server that was chosen, or to the first of a list that takes it.
 */
#ifndef FCGI_SMTP_APP_DELIVERY_H
#define FCGI_SMTP_APP_DELIVERY_H

#include <stdbool.h>

struct exchange;

/*
 * Fills exchange->outcome and ->earlier; choice.server is then the one that answered or failed last. False: nothing was
 * tried, and exchange->err says why.
 */
bool delivery_run(struct exchange *exchange);

#endif
