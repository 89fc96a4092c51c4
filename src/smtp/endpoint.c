/*
 * An endpoint is read-only once it is made, but for the last good address, the TLS session (tls.c) and the
 * names that were resolved (resolve.c), each behind its own mutex.
 */
#include "smtp/endpoint.h"

#include <stdlib.h>
#include <string.h>

#include "smtp/pool.h"
#include "smtp/public_address.h"

#define STRINGS_LIMIT ((size_t)64 * 1024)
#define UNIX_PREFIX   "unix:"

/* Copies the string that *field points at into the arena; NULL stays NULL. */
static bool keep(struct arena *arena, const char **field)
{
    if (*field != NULL) {
        *field = arena_copy(arena, slice_of(*field));
        return *field != NULL;
    }
    return true;
}

static const char *make_label(struct smtp_endpoint *endpoint)
{
    const char *host = endpoint->settings.host;
    if (endpoint->unix_path != NULL) {
        return host;
    }
    bool ip6 = strchr(host, ':') != NULL;
    return arena_printf(&endpoint->strings, ip6 ? "[%s]:%u" : "%s:%u", host,
                        (unsigned)endpoint->settings.port);
}

static bool copy_settings(struct smtp_endpoint *endpoint, const struct smtp_settings *settings)
{
    struct smtp_settings *own = &endpoint->settings;
    struct arena *arena = &endpoint->strings;
    *own = *settings;
    own->password = (struct secret){NULL, 0};
    bool ok = keep(arena, &own->name) && keep(arena, &own->host) && keep(arena, &own->ca_file) &&
              keep(arena, &own->ca_path) && keep(arena, &own->user) && keep(arena, &own->domain);
    struct slice password = {settings->password.data, settings->password.len};
    ok = ok && (password.data == NULL || secret_set(&own->password, password));
    if (!ok) {
        return false;
    }
    bool is_unix = strncmp(own->host, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0;
    endpoint->unix_path = is_unix ? own->host + strlen(UNIX_PREFIX) : NULL;
    endpoint->tls_name = is_unix ? "localhost" : own->host; /* the end of a unix socket is this machine */
    endpoint->label = make_label(endpoint);
    return endpoint->label != NULL;
}

/*
 * The pool belongs to the endpoint, so that its sessions cannot be taken for another server, other credentials,
 * other TLS settings or another configuration. Requests that override any of them have a derived endpoint.
 */
static bool make_pool(struct smtp_endpoint *endpoint)
{
    const struct smtp_settings *settings = &endpoint->settings;
    if (settings->pool_size > 0) {
        endpoint->pool = pool_new(settings->pool_size, settings->pool_idle_ms);
        return endpoint->pool != NULL;
    }
    return true;
}

static struct smtp_endpoint *make(const struct smtp_settings *settings, const struct smtp_endpoint *base,
                                  struct err *err)
{
    struct smtp_endpoint *endpoint = calloc(1, sizeof *endpoint);
    if (endpoint == NULL || pthread_mutex_init(&endpoint->mutex, NULL) != 0) {
        free(endpoint);
        err_set(err, "out of memory");
        return NULL;
    }
    arena_init(&endpoint->strings, STRINGS_LIMIT);
    endpoint->owns_resolver = base == NULL;
    endpoint->resolver = base != NULL ? base->resolver : resolver_new(NULL);
    if (endpoint->resolver == NULL || !copy_settings(endpoint, settings) ||
        (base == NULL && !make_pool(endpoint))) {
        err_set(err, "out of memory");
        smtp_endpoint_free(endpoint);
        return NULL;
    }
    if (settings->tls != SMTP_TLS_NONE) {
        endpoint->tls = tls_context_new(&endpoint->settings, base != NULL ? base->tls : NULL, err);
        if (endpoint->tls == NULL) {
            smtp_endpoint_free(endpoint);
            return NULL;
        }
    }
    return endpoint;
}

struct smtp_endpoint *smtp_endpoint_new(const struct smtp_settings *settings, struct err *err)
{
    return make(settings, NULL, err);
}

struct smtp_endpoint *smtp_endpoint_derive(const struct smtp_endpoint *base,
                                           const struct smtp_settings *settings, struct err *err)
{
    return make(settings, base, err);
}

void smtp_endpoint_free(struct smtp_endpoint *endpoint)
{
    if (endpoint == NULL) {
        return;
    }
    pool_free(endpoint->pool);
    if (endpoint->owns_resolver) {
        resolver_free(endpoint->resolver);
    }
    tls_context_free(endpoint->tls);
    secret_free(&endpoint->settings.password);
    arena_free(&endpoint->strings);
    (void)pthread_mutex_destroy(&endpoint->mutex);
    free(endpoint);
}

static bool same_address(const struct socket_address *a, const struct socket_address *b)
{
    return a->len == b->len && memcmp(&a->storage, &b->storage, a->len) == 0;
}

/* Moves the last good address to the front; the others keep their order (RFC 6724's). */
static void put_first(struct socket_addresses *addresses, const struct socket_address *good)
{
    for (size_t i = 1; i < addresses->count; i++) {
        if (same_address(&addresses->items[i], good)) {
            memmove(&addresses->items[1], &addresses->items[0], i * sizeof addresses->items[0]);
            addresses->items[0] = *good;
            return;
        }
    }
}

/* Drops the addresses that are not public; false when none is left. */
static bool keep_public(struct socket_addresses *addresses)
{
    size_t kept = 0;
    for (size_t i = 0; i < addresses->count; i++) {
        if (public_address(&addresses->items[i].storage)) {
            addresses->items[kept++] = addresses->items[i];
        }
    }
    addresses->count = kept;
    return kept > 0;
}

static enum connect_result forbidden(const struct smtp_endpoint *endpoint, struct err *err)
{
    err_set(err, "%s has no public address, and no other may be used for it", endpoint->label);
    return CONNECT_FORBIDDEN;
}

enum connect_result endpoint_connect(struct smtp_endpoint *endpoint, struct limit limit, int *fd,
                                     struct err *err)
{
    const struct smtp_settings *settings = &endpoint->settings;
    if (endpoint->unix_path != NULL) {
        return settings->public_only ? forbidden(endpoint, err)
                                     : connect_unix(endpoint->unix_path, limit, fd, err);
    }
    struct socket_addresses addresses;
    enum resolve_result resolved =
        resolver_resolve(endpoint->resolver, settings->host, settings->port, limit, &addresses, err);
    if (resolved != RESOLVE_OK) {
        return resolved == RESOLVE_TIMED_OUT ? CONNECT_TIMED_OUT : CONNECT_FAILED;
    }
    if (settings->public_only && !keep_public(&addresses)) {
        return forbidden(endpoint, err);
    }
    (void)pthread_mutex_lock(&endpoint->mutex);
    struct socket_address good = endpoint->last_good;
    (void)pthread_mutex_unlock(&endpoint->mutex);
    put_first(&addresses, &good);
    size_t winner = 0;
    enum connect_result result = connect_tcp(&addresses, endpoint->label, limit, &winner, fd, err);
    if (result == CONNECT_OK) {
        (void)pthread_mutex_lock(&endpoint->mutex);
        endpoint->last_good = addresses.items[winner];
        (void)pthread_mutex_unlock(&endpoint->mutex);
    }
    return result;
}
