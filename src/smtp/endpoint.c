/*
 * An endpoint is read-only once it is made, but for the last good address, the TLS session (tls.c) and the
 * names that were resolved (resolve.c), each behind its own mutex.
 */
#include "smtp/endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi_smtp/buf.h"
#include "smtp/pool.h"
#include "smtp/public_address.h"

#define STRINGS_LIMIT ((size_t)64 * 1024)
#define UNIX_PREFIX   "unix:"

#define ADDRESSES_TEXT_MAX ((size_t)RESOLVE_ADDRESSES * (INET6_ADDRSTRLEN + 2))

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
              keep(arena, &own->ca_path) && keep(arena, &own->user) && keep(arena, &own->domain) &&
              keep(arena, &own->fingerprint) && keep(arena, &own->client_cert) &&
              keep(arena, &own->client_key) && keep(arena, &own->source_address);
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

static bool set_source(struct smtp_endpoint *endpoint, struct err *err)
{
    const char *text = endpoint->settings.source_address;
    struct sockaddr_in *ip4 = (struct sockaddr_in *)(void *)&endpoint->source.storage;
    struct sockaddr_in6 *ip6 = (struct sockaddr_in6 *)(void *)&endpoint->source.storage;
    if (text == NULL) {
        return true;
    }
    if (inet_pton(AF_INET, text, &ip4->sin_addr) == 1) {
        ip4->sin_family = AF_INET;
        endpoint->source.len = sizeof *ip4;
    } else if (inet_pton(AF_INET6, text, &ip6->sin6_addr) == 1) {
        ip6->sin6_family = AF_INET6;
        endpoint->source.len = sizeof *ip6;
    } else {
        err_set(err, "source_address %s is neither an IPv4 nor an IPv6 address", text);
        return false;
    }
    return true;
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

/* What tls_context_new reads: whom we trust, and who we are. */
static void stamp_files(const struct smtp_settings *settings, struct file_stamp files[ENDPOINT_FILES])
{
    bool own = settings->ca_file != NULL || settings->ca_path != NULL;
    bool trusts = settings->tls != SMTP_TLS_NONE && settings->verify;
    bool is_somebody = settings->tls != SMTP_TLS_NONE;
    files[0] = file_stamp_of(trusts ? settings->ca_file : NULL);
    files[1] = file_stamp_of(trusts ? settings->ca_path : NULL);
    files[2] = file_stamp_of(trusts && !own ? tls_default_file() : NULL);
    files[3] = file_stamp_of(trusts && !own ? tls_default_path() : NULL);
    files[4] = file_stamp_of(is_somebody ? settings->client_cert : NULL);
    files[5] = file_stamp_of(is_somebody ? settings->client_key : NULL);
}

bool smtp_endpoint_files_changed(const struct smtp_endpoint *endpoint)
{
    struct file_stamp files[ENDPOINT_FILES];
    bool same = true;
    stamp_files(&endpoint->settings, files);
    for (size_t i = 0; i < ENDPOINT_FILES; i++) {
        same = file_stamp_equal(&files[i], &endpoint->files[i]) && same;
    }
    return !same;
}

/*
 * Whoever may choose hosts could have all helper threads wait for names that hang. So these have threads of their own, and
 * the configured host is found whatever requests ask for.
 */
static bool set_resolvers(struct smtp_endpoint *endpoint, const struct smtp_endpoint *base)
{
    endpoint->owns_resolvers = base == NULL;
    if (base == NULL) {
        endpoint->resolver = resolver_new(NULL, RESOLVE_KEEP_MS);
        endpoint->chosen_resolver = resolver_new(NULL, RESOLVE_KEEP_MS);
    } else {
        bool same = strcmp(endpoint->settings.host, base->settings.host) == 0;
        endpoint->resolver = same ? base->resolver : base->chosen_resolver;
        endpoint->chosen_resolver = base->chosen_resolver;
    }
    return endpoint->resolver != NULL && endpoint->chosen_resolver != NULL;
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
    if (!copy_settings(endpoint, settings) || !set_resolvers(endpoint, base) ||
        (base == NULL && !make_pool(endpoint))) {
        err_set(err, "out of memory");
        smtp_endpoint_free(endpoint);
        return NULL;
    }
    if (!set_source(endpoint, err)) {
        smtp_endpoint_free(endpoint);
        return NULL;
    }
    if (base == NULL) {
        stamp_files(settings, endpoint->files);
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

void smtp_endpoint_retire(struct smtp_endpoint *endpoint)
{
    pool_close(endpoint->pool);
}

void smtp_endpoint_free(struct smtp_endpoint *endpoint)
{
    if (endpoint == NULL) {
        return;
    }
    pool_free(endpoint->pool);
    if (endpoint->owns_resolvers) {
        resolver_free(endpoint->resolver);
        resolver_free(endpoint->chosen_resolver);
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

/* The first count of them. */
static void trace_addresses(const struct smtp_trace *trace, enum smtp_trace_kind kind,
                            const struct socket_address *addresses, size_t count)
{
    if (trace == NULL) {
        return;
    }
    struct buf text;
    buf_init(&text, ADDRESSES_TEXT_MAX);
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        char address[INET6_ADDRSTRLEN];
        connect_address_text(&addresses[i], address, sizeof address);
        ok = buf_printf(&text, "%s%s", i > 0 ? ", " : "", address);
    }
    trace_text(trace, kind, buf_slice(&text));
    buf_free(&text);
}

static enum connect_result connect_path(struct smtp_endpoint *endpoint, struct limit limit,
                                        const struct smtp_trace *trace, int *fd, struct err *err)
{
    if (endpoint->settings.public_only) {
        return forbidden(endpoint, err);
    }
    enum connect_result result = connect_unix(endpoint->unix_path, limit, fd, err);
    if (result == CONNECT_OK) {
        trace_text(trace, SMTP_TRACE_CONNECTED, slice_of(endpoint->label));
    }
    return result;
}

enum connect_result endpoint_connect(struct smtp_endpoint *endpoint, struct limit limit,
                                     const struct smtp_trace *trace, int *fd, struct err *err)
{
    const struct smtp_settings *settings = &endpoint->settings;
    if (endpoint->unix_path != NULL) {
        return connect_path(endpoint, limit, trace, fd, err);
    }
    struct socket_addresses addresses;
    enum resolve_result resolved =
        resolver_resolve(endpoint->resolver, settings->host, settings->port, limit, &addresses, err);
    if (resolved != RESOLVE_OK) {
        return resolved == RESOLVE_TIMED_OUT ? CONNECT_TIMED_OUT : CONNECT_NO_ADDRESS;
    }
    if (settings->public_only && !keep_public(&addresses)) {
        return forbidden(endpoint, err);
    }
    (void)pthread_mutex_lock(&endpoint->mutex);
    struct socket_address good = endpoint->last_good;
    (void)pthread_mutex_unlock(&endpoint->mutex);
    put_first(&addresses, &good);
    trace_addresses(trace, SMTP_TRACE_RESOLVED, addresses.items, addresses.count);
    size_t winner = 0;
    struct connect_target target = {endpoint->label, &addresses,
                                    endpoint->source.len > 0 ? &endpoint->source : NULL};
    enum connect_result result = connect_tcp(&target, limit, &winner, fd, err);
    if (result == CONNECT_OK) {
        trace_addresses(trace, SMTP_TRACE_CONNECTED, &addresses.items[winner], 1);
        (void)pthread_mutex_lock(&endpoint->mutex);
        endpoint->last_good = addresses.items[winner];
        (void)pthread_mutex_unlock(&endpoint->mutex);
    }
    return result;
}
