/*
 * mailgun_mail: the fields of a call of Mailgun's API become a submission.
 */
#ifndef FCGI_SMTP_APP_MAILGUN_MAIL_H
#define FCGI_SMTP_APP_MAILGUN_MAIL_H

#include "app/mailgun/mailgun_fields.h"
#include "app/submission.h"

/*
 * As submission_read; r->fields is set. domain: the right side of a whole message's Message-ID, if one must be made.
 * Of the defaults only those are used that a request may leave out here.
 */
enum submission_result mailgun_mail_read(struct submission_reading *r, const struct mailgun_fields *fields,
                                         struct slice domain);

/* As submission_complete, in the words of this API. */
bool mailgun_mail_complete(const struct submission *submission, struct err *err);

#endif
