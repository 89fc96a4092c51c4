/*
 * snapshot: a configuration and all that is made from it, never changed after it was made.
 *
 * Reference-counted: a request holds the one that it began with until it is answered, whatever is loaded meanwhile. The
 * last reference frees it, the configuration with its secrets included.
 */
#ifndef FCGI_SMTP_APP_SNAPSHOT_H
#define FCGI_SMTP_APP_SNAPSHOT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "app/defaults.h"
#include "app/keys.h"
#include "app/pages/metrics.h"
#include "app/pages/pages.h"
#include "app/servers/mail_server.h"
#include "app/servers/standby.h"
#include "app/website/website_forms.h"
#include "fcgi_smtp/config.h"

struct snapshot {
    atomic_uint references;
    struct config *config;        /* owned */
    struct mail_server **servers; /* one for each of config->servers, with a reference */
    struct standby standby;       /* the one part that changes; atomics */
    struct keys keys;
    struct defaults defaults;
    struct website_forms forms;
    struct pages pages;
};

/*
 * With one reference. Takes config over, also when it fails. before: NULL, or a snapshot whose servers are taken along
 * where the new configuration says the same of them and their files are the same. helper: as for mail_server_new. NULL:
 * there is no memory, a trust store cannot be loaded, the helper does not know a password_command, or a default or form is
 * invalid.
 */
struct snapshot *snapshot_new(struct config *config, const struct snapshot *before, struct metrics *metrics,
                              struct password_helper *helper, struct err *err);

/* One reference less. Takes NULL. */
void snapshot_release(struct snapshot *snapshot);

/* The server of that name; NULL: there is none. */
const struct mail_server *snapshot_server(const struct snapshot *snapshot, const char *name);

/* Whether the server, one of another snapshot's, is in this one, too. */
bool snapshot_shares(const struct snapshot *snapshot, const struct snapshot *other, size_t server);

/* Which one is current. Thread-safe. */
struct snapshots {
    pthread_mutex_t mutex;
    struct snapshot *current; /* guarded by mutex; a reference */
};

void snapshots_init(struct snapshots *snapshots, struct snapshot *first); /* takes the reference over */
void snapshots_free(struct snapshots *snapshots);

/* The current one, with a reference that is the caller's to release. */
struct snapshot *snapshots_take(struct snapshots *snapshots);

/* Makes next, whose reference it takes over, the current one; the reference to the one before is the caller's. */
struct snapshot *snapshots_swap(struct snapshots *snapshots, struct snapshot *next)
    __attribute__((warn_unused_result));

bool snapshots_is_current(struct snapshots *snapshots, const struct snapshot *snapshot);

#endif
