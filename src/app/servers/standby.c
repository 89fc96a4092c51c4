/*
 * Relaxed order is enough: each number stands for itself, and a request that sees an old one only tries the servers in
 * another order.
 */
#include "app/servers/standby.h"

#include <stdlib.h>

bool standby_init(struct standby *standby, const struct config *config)
{
    standby->config = config;
    standby->retry_at = calloc(config->server_count, sizeof *standby->retry_at);
    return standby->retry_at != NULL;
}

void standby_free(struct standby *standby)
{
    free((void *)standby->retry_at);
    standby->retry_at = NULL;
}

void standby_carry(struct standby *standby, size_t server, const struct standby *from, size_t place)
{
    int64_t retry_at = atomic_load_explicit(&from->retry_at[place], memory_order_relaxed);
    atomic_store_explicit(&standby->retry_at[server], retry_at, memory_order_relaxed);
}

static deadline next_time(const struct standby *standby, size_t server, deadline now)
{
    return deadline_add(now, standby->config->servers[server].retry_after);
}

static bool is_ill(struct standby *standby, size_t server, deadline now)
{
    int64_t retry_at = atomic_load_explicit(&standby->retry_at[server], memory_order_relaxed);
    if (retry_at == 0 || retry_at > now) {
        return retry_at != 0;
    }
    return !atomic_compare_exchange_strong_explicit(&standby->retry_at[server], &retry_at,
                                                    next_time(standby, server, now), memory_order_relaxed,
                                                    memory_order_relaxed);
}

void standby_order(struct standby *standby, deadline now, size_t *order)
{
    const struct config_indexes *list = &standby->config->server;
    size_t well = 0;
    size_t ill = list->count; /* from the end, the last one first */
    for (size_t i = 0; i < list->count; i++) {
        if (is_ill(standby, list->items[i], now)) {
            order[--ill] = list->items[i];
        } else {
            order[well++] = list->items[i];
        }
    }
    for (size_t a = ill, b = list->count; a + 1 < b; a++, b--) {
        size_t other = order[a];
        order[a] = order[b - 1];
        order[b - 1] = other;
    }
}

void standby_failed(struct standby *standby, size_t server, deadline now)
{
    atomic_store_explicit(&standby->retry_at[server], next_time(standby, server, now), memory_order_relaxed);
}

void standby_answered(struct standby *standby, size_t server)
{
    atomic_store_explicit(&standby->retry_at[server], 0, memory_order_relaxed);
}
