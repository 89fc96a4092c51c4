/* compose_page: GET /: a form for people that posts to /send. It grants nothing: what may be sent is /send's to say. */
#ifndef FCGI_SMTP_APP_COMPOSE_PAGE_H
#define FCGI_SMTP_APP_COMPOSE_PAGE_H

struct exchange;

void compose_page_answer(struct exchange *exchange);

#endif
