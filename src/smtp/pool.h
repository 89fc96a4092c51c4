/*
 * pool: sessions of one endpoint that wait, warm, for their next mail.
 *
 * Newest first, at most so many, none for longer than its time: a thread of the pool's own, begun with the first
 * session, ends what has waited too long, so that it needs no mail to notice. Thread-safe. No lock is held while
 * anything is written or read.
 */
#ifndef FCGI_SMTP_SMTP_POOL_H
#define FCGI_SMTP_SMTP_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smtp/limit.h"

struct pool;
struct smtp_session;

/* size >= 1: sessions kept at most; idle_ms: each for how long. NULL without memory. */
struct pool *pool_new(size_t size, int64_t idle_ms);

/*
 * Keeps nothing any more: the pool's own thread says QUIT on all that wait, and pool_put takes no other. Returns at once; the
 * pool can still be used. Takes NULL.
 */
void pool_close(struct pool *pool);

/* Says QUIT on all that wait. Nobody may use the pool any more. Takes NULL. */
void pool_free(struct pool *pool);

/*
 * The newest session that is fit for a mail (see session_recheck); those that are not are closed. NULL: there is
 * none. Takes NULL.
 */
struct smtp_session *pool_take(struct pool *pool, struct limit limit);

/*
 * Keeps a session that session_rest has found fit. Where there is no room the one that has waited longest goes.
 * False: it stays the caller's.
 */
bool pool_put(struct pool *pool, struct smtp_session *session) __attribute__((warn_unused_result));

/* Sessions that wait. Takes NULL. */
size_t pool_count(struct pool *pool);

#endif
