/*
 * message: what a mail is made of, before it is composed. Plain data, filled by app, read by compose.
 *
 * All views and blobs belong to the request and must live as long as the composed message.
 */
#ifndef FCGI_SMTP_MESSAGE_H
#define FCGI_SMTP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "fcgi_smtp/address.h"
#include "fcgi_smtp/blob.h"

/* One text or file. */
struct message_part {
    const char *field;      /* the request's field, for errors: "text", "attachment" */
    struct blob *content;   /* NULL: this part is not given */
    struct slice type;      /* declared media type with parameters; empty: by the file name's extension */
    struct slice file_name; /* UTF-8, as the client gave it: directories are cut off by compose */
    struct slice charset;   /* of a text's octets; empty: UTF-8 */
};

struct message_header {
    struct slice name;  /* as given behind "h:" */
    struct slice value; /* UTF-8 */
};

struct message {
    struct address_list from;   /* at least one mailbox */
    struct address_list sender; /* 0 or 1; written only if sender_shown or if from has several mailboxes */
    bool sender_shown;
    struct address_list reply_to;
    struct address_list to;
    struct address_list cc; /* there is no bcc here: it never gets into a message */
    struct slice subject;
    struct slice message_id;  /* with its angle brackets; empty: made from random bits and domain */
    struct slice in_reply_to; /* one or more message ids */
    struct slice references;
    struct slice date; /* RFC 5322 date-time; empty: made from now */
    struct message_header *headers;
    size_t header_count;
    struct message_part text;
    struct message_part amp; /* text/x-amp-html, between the text and the html */
    struct message_part html;
    struct message_part *inlines; /* files that the html shows: cid:NAME is the file called NAME */
    size_t inline_count;
    struct message_part *attachments;
    size_t attachment_count;
    struct slice domain; /* right side of a made Message-ID; without a dot: the domain of From is used */
    time_t now;
};

#endif
