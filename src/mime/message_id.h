/* message_id: makes a Message-ID (RFC 5322 3.6.4). */
#ifndef FCGI_SMTP_MIME_MESSAGE_ID_H
#define FCGI_SMTP_MIME_MESSAGE_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "fcgi_smtp/slice.h"

enum {
    MESSAGE_ID_MAX = 512, /* octets of one id with its brackets */
    MESSAGE_IDS_MAX = 256 /* ids in In-Reply-To or References */
};

/* Writes "<20261123T094800.6fd1c08a24e95b37@domain>" and a NUL. False: no randomness, or the domain is too long. */
bool message_id_make(char out[MESSAGE_ID_MAX + 1], struct slice domain, time_t now)
    __attribute__((warn_unused_result));

/* Takes the next id off the front of a list that compose_message_ids_valid accepts; false at its end. */
bool message_id_next(struct slice *list, struct slice *id);

#endif
