/*
 * endpoint: what all deliveries to one server share. See smtp_client.h; this is its inside.
 */
#ifndef FCGI_SMTP_SMTP_ENDPOINT_H
#define FCGI_SMTP_SMTP_ENDPOINT_H

#include <pthread.h>
#include <stdbool.h>

#include "fcgi_smtp/arena.h"
#include "fcgi_smtp/smtp_client.h"
#include "smtp/connect.h"
#include "smtp/file_stamp.h"
#include "smtp/resolve.h"
#include "smtp/tls.h"
#include "smtp/trace.h"

struct pool;

#define ENDPOINT_FILES 6 /* that TLS is set up from */

struct smtp_endpoint {
    struct arena strings;
    struct smtp_settings settings;           /* strings in the arena, the password a copy */
    const char *label;                       /* "mail.example.com:587", for errors */
    const char *unix_path;                   /* NULL for TCP */
    const char *tls_name;                    /* what a certificate must be for */
    struct socket_address source;            /* len 0: the system chooses */
    struct tls_context *tls;                 /* NULL with SMTP_TLS_NONE */
    struct file_stamp files[ENDPOINT_FILES]; /* not of a derived one */
    struct pool *pool; /* of warm sessions; NULL: none is kept. A derived endpoint has none. */
    struct resolver *resolver;
    struct resolver *chosen_resolver; /* of hosts that requests choose, see endpoint.c */
    bool owns_resolvers;
    pthread_mutex_t mutex;
    struct socket_address last_good; /* guarded by mutex; len 0: none yet */
};

/* Resolves and connects. On failure err says why. */
enum connect_result endpoint_connect(struct smtp_endpoint *endpoint, struct limit limit,
                                     const struct smtp_trace *trace, int *fd, struct err *err);

#endif
