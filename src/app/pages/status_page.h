/* status_page: GET /status: what has happened since the start, for people. */
#ifndef FCGI_SMTP_APP_STATUS_PAGE_H
#define FCGI_SMTP_APP_STATUS_PAGE_H

struct exchange;

void status_page_answer(struct exchange *exchange);

#endif
