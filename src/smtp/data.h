/*
 * data: the message behind DATA (RFC 5321 4.1.1.4), dot-stuffed, in few and large writes; or behind BDAT (RFC 3030 2), as
 * it is, in chunks of known size.
 */
#ifndef FCGI_SMTP_SMTP_DATA_H
#define FCGI_SMTP_SMTP_DATA_H

#include <stdbool.h>

#include "fcgi_smtp/err.h"
#include "fcgi_smtp/smtp_client.h"
#include "fcgi_smtp/source.h"
#include "smtp/limit.h"
#include "smtp/stream.h"

enum data_result {
    DATA_SENT,
    DATA_INTERRUPTED,   /* the server spoke or went before all was written; read on to learn why */
    DATA_TIMED_OUT,     /* a write, or the whole delivery */
    DATA_SOURCE_FAILED, /* err says why; the end was not sent */
    DATA_NO_MEMORY
};

/*
 * Pulls the message from its beginning and sends it with its end. *ended becomes true before the write that
 * holds the end of the data is begun: from there on only a reply can say that nothing was delivered.
 */
enum data_result data_send(struct stream *stream, const struct source *source,
                           const struct smtp_settings *settings, struct limit total, bool *ended,
                           struct err *err);

/*
 * Appends the next len octets of the source, which is not rewound. last: they must be its last ones. DATA_SENT,
 * DATA_SOURCE_FAILED or DATA_NO_MEMORY.
 */
enum data_result data_chunk(struct buf *out, const struct source *source, size_t len, bool last,
                            struct err *err);

#endif
