/*
 * whole_message: the field `message` of a form, with the envelope fields beside it, becomes a submission.
 *
 * The envelope is sender and rcpt, else what the message says: its Sender or first From; To, Cc and Bcc. Of the defaults
 * none but the return path is used.
 */
#ifndef FCGI_SMTP_APP_WHOLE_MESSAGE_H
#define FCGI_SMTP_APP_WHOLE_MESSAGE_H

#include "app/submission.h"

bool whole_message_given(const struct send_fields *fields);

/* As submission_read. domain: the right side of a Message-ID that must be made. */
enum submission_result whole_message_read(struct submission_reading *r, struct slice domain);

#endif
