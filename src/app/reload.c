/*
 * All that can fail comes before the exchange of the snapshots, which is one pointer; what comes after it cannot.
 */
#include "app/exchange.h"

const struct config *app_config(const struct app *app)
{
    return app->snapshots.current->config;
}

/* Whether mails go to the very same servers as before, in whatever order. */
static bool same_servers(const struct snapshot *before, const struct snapshot *now)
{
    const struct config_indexes *list = &before->config->server;
    bool same = list->count == now->config->server.count;
    for (size_t i = 0; same && i < list->count; i++) {
        same = snapshot_shares(now, before, list->items[i]);
    }
    return same;
}

/* No mail is begun with these any more, but those in work may go on. */
static void retire_servers(const struct snapshot *before, const struct snapshot *now,
                           struct app_reloaded *reloaded)
{
    for (size_t i = 0; i < before->config->server_count; i++) {
        if (snapshot_shares(now, before, i)) {
            reloaded->servers_kept++;
        } else {
            reloaded->servers_closed++;
            smtp_endpoint_retire(before->servers[i]->endpoint);
        }
    }
    reloaded->servers_opened = now->config->server_count - reloaded->servers_kept;
}

static struct snapshot *prepare(struct app *app, struct config *config, struct err *err)
{
    struct snapshot *next = snapshot_new(config, app->snapshots.current, &app->metrics, app->helper, err);
    if (next == NULL) {
        return NULL;
    }
    const struct config_idempotency *idempotency = &next->config->idempotency;
    if (!app->idempotency.limit(app->idempotency.ctx, (size_t)idempotency->entries, idempotency->keep)) {
        err_set(err, "There is no memory left for idempotency.entries");
        snapshot_release(next);
        return NULL;
    }
    return next;
}

bool app_reload(struct app *app, struct config *config, struct app_reloaded *reloaded, struct err *err)
{
    *reloaded = (struct app_reloaded){0};
    struct snapshot *next = prepare(app, config, err);
    if (next == NULL) {
        app_reload_refused(app);
        return false;
    }
    struct snapshot *before =
        snapshots_swap(&app->snapshots, next); /* next stays: nobody else exchanges them */
    if (!same_servers(before, next)) {
        readiness_renew(&app->readiness);
    }
    retire_servers(before, next, reloaded);
    snapshot_release(before);
    metrics_count_reload(&app->metrics, METRICS_RELOAD_OK);
    return true;
}

void app_reload_refused(struct app *app)
{
    metrics_count_reload(&app->metrics, METRICS_RELOAD_REFUSED);
}
