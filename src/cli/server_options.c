#include "cli/server_options.h"

#include <stdlib.h>

bool server_options_of(struct http_server_options *options, const struct config *config, int handed_over)
{
    const struct config_strings *allowed = &config->listen_allowed;
    struct http_network *networks = calloc(allowed->count + 1, sizeof *networks);
    if (networks == NULL) {
        return false;
    }
    for (size_t i = 0; i < allowed->count; i++) {
        (void)http_network_parse(&networks[i],
                                 allowed->items[i]); /* the configuration's check found them good */
    }
    *options = (struct http_server_options){
        .listen = handed_over >= 0 ? NULL : config->listen,
        .fd = handed_over,
        .listen_mode = (mode_t)config->listen_mode,
        .listen_group = config->listen_group,
        .allowed = networks,
        .allowed_count = allowed->count,
        .workers = (unsigned)config->workers,
        .connections = (unsigned)config->connections,
        .queue_wait_ms = config->queue_wait,
        .idle_ms = config->idle,
        .read_time_ms = config->limits.read_time,
        .shutdown_timeout_ms = config->shutdown_timeout,
    };
    return true;
}

void server_options_free(struct http_server_options *options)
{
    free((void *)options->allowed);
    options->allowed = NULL;
}
