/* content_id: what an html refers to an inline file by (RFC 2392, RFC 2045 7). */
#ifndef FCGI_SMTP_MIME_CONTENT_ID_H
#define FCGI_SMTP_MIME_CONTENT_ID_H

#include "fcgi_smtp/message.h"
#include "mime/header.h"

/* Refuses inline files whose names cannot be Content-IDs, or of which two are the same. */
void content_id_check(struct header *header, const struct message *message);

/* The field Content-ID of a file that content_id_check let pass. */
void content_id_write(struct header *header, const struct message_part *part);

#endif
