/*
 * A reference is taken under the mutex that guards the pointer: between reading it and counting nobody can free what it
 * points at. It is dropped without. So the count never rises from 0: it rises only while the current one's own reference
 * is there.
 */
#include "app/snapshot.h"

#include <stdlib.h>

#include "fcgi_smtp/err.h"

static void note_problem(void *ctx, const char *path, const char *text)
{
    err_set(ctx, "%s: %s", path, text);
}

static bool no_memory(struct err *err)
{
    err_set(err, "There is no memory left for the configuration");
    return false;
}

/* --- servers --- */

/* The place in before of a server that can go on as it is; before->config->server_count: there is none. */
static size_t same_server(const struct snapshot *before, const struct config_server *settings)
{
    const struct config_server *found = config_find_server(before->config, slice_of(settings->name));
    size_t none = before->config->server_count;
    if (found == NULL || !config_server_equal(found, settings)) {
        return none;
    }
    size_t place = (size_t)(found - before->config->servers);
    return smtp_endpoint_files_changed(before->servers[place]->endpoint) ? none : place;
}

/* What servers are made with. */
struct making {
    const struct snapshot *before;
    struct metrics *metrics;
    struct password_helper *helper;
};

static bool open_server(struct snapshot *snapshot, size_t index, const struct making *making, struct err *err)
{
    const struct snapshot *before = making->before;
    const struct config_server *settings = &snapshot->config->servers[index];
    size_t same = before != NULL ? same_server(before, settings) : 0;
    if (before != NULL && same < before->config->server_count) {
        snapshot->servers[index] = mail_server_keep(before->servers[same]);
        standby_carry(&snapshot->standby, index, &before->standby, same);
    } else {
        snapshot->servers[index] = mail_server_new(settings, making->metrics, making->helper, err);
    }
    return snapshot->servers[index] != NULL;
}

static bool open_servers(struct snapshot *snapshot, const struct making *making, struct err *err)
{
    size_t count = snapshot->config->server_count;
    snapshot->servers =
        calloc(count, sizeof *snapshot->servers); /* NOLINT(bugprone-sizeof-expression): pointers */
    if (snapshot->servers == NULL || !standby_init(&snapshot->standby, snapshot->config)) {
        return no_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        if (!open_server(snapshot, i, making, err)) {
            return false;
        }
    }
    return true;
}

const struct mail_server *snapshot_server(const struct snapshot *snapshot, const char *name)
{
    const struct config_server *found = config_find_server(snapshot->config, slice_of(name));
    return found != NULL ? snapshot->servers[found - snapshot->config->servers] : NULL;
}

bool snapshot_shares(const struct snapshot *snapshot, const struct snapshot *other, size_t server)
{
    return snapshot_server(snapshot, other->config->servers[server].name) == other->servers[server];
}

/* --- life --- */

static bool fill(struct snapshot *snapshot, const struct making *making, struct err *err)
{
    const struct config *config = snapshot->config;
    if (!defaults_parse(&snapshot->defaults, config, note_problem, err) ||
        !website_forms_parse(&snapshot->forms, config, note_problem, err)) {
        return false;
    }
    if (!keys_init(&snapshot->keys, config) || !pages_init(&snapshot->pages, config)) {
        return no_memory(err);
    }
    return open_servers(snapshot, making, err);
}

struct snapshot *snapshot_new(struct config *config, const struct snapshot *before, struct metrics *metrics,
                              struct password_helper *helper, struct err *err)
{
    const struct making making = {before, metrics, helper};
    struct snapshot *snapshot = calloc(1, sizeof *snapshot);
    if (snapshot == NULL) {
        config_free(config);
        (void)no_memory(err);
        return NULL;
    }
    atomic_init(&snapshot->references, 1);
    snapshot->config = config;
    if (!fill(snapshot, &making, err)) {
        snapshot_release(snapshot);
        return NULL;
    }
    return snapshot;
}

void snapshot_release(struct snapshot *snapshot)
{
    if (snapshot == NULL || atomic_fetch_sub_explicit(&snapshot->references, 1, memory_order_acq_rel) > 1) {
        return;
    }
    for (size_t i = 0; snapshot->servers != NULL && i < snapshot->config->server_count; i++) {
        mail_server_release(snapshot->servers[i]);
    }
    free(snapshot->servers);
    standby_free(&snapshot->standby);
    keys_free(&snapshot->keys);
    defaults_free(&snapshot->defaults);
    website_forms_free(&snapshot->forms);
    pages_free(&snapshot->pages);
    config_free(snapshot->config);
    free(snapshot);
}

/* --- the current one --- */

void snapshots_init(struct snapshots *snapshots, struct snapshot *first)
{
    (void)pthread_mutex_init(&snapshots->mutex, NULL);
    snapshots->current = first;
}

void snapshots_free(struct snapshots *snapshots)
{
    snapshot_release(snapshots->current);
    snapshots->current = NULL;
    (void)pthread_mutex_destroy(&snapshots->mutex);
}

struct snapshot *snapshots_take(struct snapshots *snapshots)
{
    (void)pthread_mutex_lock(&snapshots->mutex);
    struct snapshot *snapshot = snapshots->current;
    (void)atomic_fetch_add_explicit(&snapshot->references, 1, memory_order_relaxed);
    (void)pthread_mutex_unlock(&snapshots->mutex);
    return snapshot;
}

struct snapshot *snapshots_swap(struct snapshots *snapshots, struct snapshot *next)
{
    (void)pthread_mutex_lock(&snapshots->mutex);
    struct snapshot *before = snapshots->current;
    snapshots->current = next;
    (void)pthread_mutex_unlock(&snapshots->mutex);
    return before;
}

bool snapshots_is_current(struct snapshots *snapshots, const struct snapshot *snapshot)
{
    (void)pthread_mutex_lock(&snapshots->mutex);
    bool same = snapshots->current == snapshot;
    (void)pthread_mutex_unlock(&snapshots->mutex);
    return same;
}
