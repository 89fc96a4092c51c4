/*
 * All state hangs off one mutex; look-ups are a short list that is searched by name. A helper thread is
 * detached: when the resolver goes away while the system's resolver hangs, the last helper to come back frees
 * what is left.
 */
#include "smtp/resolve.h"

#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum lookup_state { LOOKUP_QUEUED, LOOKUP_RUNNING, LOOKUP_DONE };

struct lookup {
    struct lookup *next;
    char name[RESOLVE_NAME_MAX];
    enum lookup_state state;
    unsigned waiters; /* it may not be freed while there is one */
    int done_fd; /* an eventfd, readable once it is done: waiters poll it; -1 when nobody needs it any more */
    int error;   /* EAI_, once done */
    struct socket_addresses addresses;
    deadline expires; /* once done */
};

struct resolver {
    pthread_mutex_t mutex;
    pthread_cond_t work; /* something was queued, or stop */
    pthread_cond_t gone; /* a thread has ended */
    resolve_lookup *lookup;
    int64_t keep_ms; /* of a result */
    struct lookup *lookups;
    size_t count;
    unsigned threads; /* that have not ended */
    unsigned busy;    /* of them, inside lookup */
    bool stop;
    bool abandoned; /* the owner is gone: the last thread frees */
};

/* --- the system's look-up --- */

static int system_lookup(const char *name, struct socket_addresses *addresses)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    int error = getaddrinfo(name, NULL, &hints, &list);
    if (error != 0) {
        return error;
    }
    for (struct addrinfo *a = list; a != NULL && addresses->count < RESOLVE_ADDRESSES; a = a->ai_next) {
        if (a->ai_family == AF_INET || a->ai_family == AF_INET6) {
            struct socket_address *item = &addresses->items[addresses->count++];
            memcpy(&item->storage, a->ai_addr, a->ai_addrlen);
            item->len = a->ai_addrlen;
        }
    }
    freeaddrinfo(list);
    return addresses->count > 0 ? 0 : EAI_NONAME;
}

/* Whether host is a literal; if so, its address. Does not touch the network. */
static bool literal(const char *host, struct socket_addresses *addresses)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    struct addrinfo *list = NULL;
    if (getaddrinfo(host, NULL, &hints, &list) != 0) {
        return false;
    }
    memcpy(&addresses->items[0].storage, list->ai_addr, list->ai_addrlen);
    addresses->items[0].len = list->ai_addrlen;
    addresses->count = 1;
    freeaddrinfo(list);
    return true;
}

/* --- life --- */

struct resolver *resolver_new(resolve_lookup *lookup, int64_t keep_ms)
{
    struct resolver *resolver = calloc(1, sizeof *resolver);
    if (resolver == NULL) {
        return NULL;
    }
    resolver->lookup = lookup != NULL ? lookup : system_lookup;
    resolver->keep_ms = keep_ms;
    if (pthread_mutex_init(&resolver->mutex, NULL) == 0 && pthread_cond_init(&resolver->work, NULL) == 0 &&
        pthread_cond_init(&resolver->gone, NULL) == 0) {
        return resolver;
    }
    free(resolver);
    return NULL;
}

static void close_done(struct lookup *lookup)
{
    if (lookup->done_fd >= 0) {
        (void)close(lookup->done_fd);
        lookup->done_fd = -1;
    }
}

static void free_lookup(struct lookup *lookup)
{
    close_done(lookup);
    free(lookup);
}

static void destroy(struct resolver *resolver)
{
    while (resolver->lookups != NULL) {
        struct lookup *next = resolver->lookups->next;
        free_lookup(resolver->lookups);
        resolver->lookups = next;
    }
    (void)pthread_cond_destroy(&resolver->work);
    (void)pthread_cond_destroy(&resolver->gone);
    (void)pthread_mutex_destroy(&resolver->mutex);
    free(resolver);
}

void resolver_free(struct resolver *resolver)
{
    if (resolver == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&resolver->mutex);
    resolver->stop = true;
    (void)pthread_cond_broadcast(&resolver->work);
    while (resolver->threads > resolver->busy) {
        (void)pthread_cond_wait(&resolver->gone, &resolver->mutex);
    }
    resolver->abandoned = resolver->threads > 0;
    bool last = !resolver->abandoned;
    (void)pthread_mutex_unlock(&resolver->mutex);
    if (last) {
        destroy(resolver);
    }
}

/* --- helper threads --- */

/* The one that has been queued for longest: the list has the newest first. */
static struct lookup *next_queued(const struct resolver *resolver)
{
    struct lookup *oldest = NULL;
    for (struct lookup *lookup = resolver->lookups; lookup != NULL; lookup = lookup->next) {
        oldest = lookup->state == LOOKUP_QUEUED ? lookup : oldest;
    }
    return oldest;
}

/* Called and returns with the mutex held; lets go of it for the look-up itself. */
static void run_lookup(struct resolver *resolver, struct lookup *lookup)
{
    char name[RESOLVE_NAME_MAX];
    memcpy(name, lookup->name, sizeof name);
    lookup->state = LOOKUP_RUNNING;
    resolver->busy++;
    (void)pthread_mutex_unlock(&resolver->mutex);
    struct socket_addresses addresses = {.count = 0};
    int error = resolver->lookup(name, &addresses);
    (void)pthread_mutex_lock(&resolver->mutex);
    resolver->busy--;
    lookup->error = error;
    lookup->addresses = addresses;
    lookup->state = LOOKUP_DONE;
    lookup->expires = error == 0 ? deadline_after(resolver->keep_ms) : deadline_now();
    if (lookup->waiters > 0) {
        (void)!write(lookup->done_fd, &(uint64_t){1}, sizeof(uint64_t)); /* cannot fail: the counter is 0 */
    } else {
        close_done(lookup);
    }
}

static void *helper(void *argument)
{
    struct resolver *resolver = argument;
    (void)pthread_mutex_lock(&resolver->mutex);
    while (!resolver->stop) {
        struct lookup *lookup = next_queued(resolver);
        if (lookup != NULL) {
            run_lookup(resolver, lookup);
        } else {
            (void)pthread_cond_wait(&resolver->work, &resolver->mutex);
        }
    }
    resolver->threads--;
    bool last = resolver->abandoned && resolver->threads == 0;
    (void)pthread_cond_broadcast(&resolver->gone);
    (void)pthread_mutex_unlock(&resolver->mutex);
    if (last) {
        destroy(resolver);
    }
    return NULL;
}

/* A helper thread with all signals blocked: they are the main thread's matter. */
static void start_helper(struct resolver *resolver)
{
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) {
        return;
    }
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread;
    bool ok = pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0 &&
              pthread_create(&thread, &attributes, helper, resolver) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attributes);
    resolver->threads += ok ? 1 : 0;
}

/* --- asking --- */

/* The look-up of that name that is still of use: under way, or not too old. */
static struct lookup *find(const struct resolver *resolver, const char *name)
{
    for (struct lookup *lookup = resolver->lookups; lookup != NULL; lookup = lookup->next) {
        bool of_use = lookup->state != LOOKUP_DONE || !deadline_passed(lookup->expires);
        if (of_use && strcmp(lookup->name, name) == 0) {
            return lookup;
        }
    }
    return NULL;
}

static size_t count_pending(const struct resolver *resolver)
{
    size_t pending = 0;
    for (const struct lookup *lookup = resolver->lookups; lookup != NULL; lookup = lookup->next) {
        pending += lookup->state != LOOKUP_DONE ? 1 : 0;
    }
    return pending;
}

/* Whether there is a thread to do one look-up more, now or after others. */
static bool have_helper(struct resolver *resolver)
{
    if (resolver->threads < RESOLVE_THREADS && count_pending(resolver) >= resolver->threads) {
        start_helper(resolver);
    }
    return resolver->threads > 0;
}

static void forget(struct resolver *resolver, struct lookup **at)
{
    struct lookup *lookup = *at;
    *at = lookup->next;
    resolver->count--;
    free_lookup(lookup);
}

static bool is_at_rest(const struct lookup *lookup)
{
    return lookup->state == LOOKUP_DONE && lookup->waiters == 0;
}

/* Frees results that are too old and that nobody is about to read. */
static void forget_old(struct resolver *resolver)
{
    for (struct lookup **at = &resolver->lookups; *at != NULL;) {
        if (is_at_rest(*at) && deadline_passed((*at)->expires)) {
            forget(resolver, at);
        } else {
            at = &(*at)->next;
        }
    }
}

/*
 * Whether there is room for one name more. A result that is only kept gives way, the oldest first: or whoever may choose
 * hosts could keep all others from being looked up.
 */
static bool have_room(struct resolver *resolver)
{
    struct lookup **oldest = NULL;
    for (struct lookup **at = &resolver->lookups; *at != NULL; at = &(*at)->next) {
        oldest = is_at_rest(*at) ? at : oldest;
    }
    if (resolver->count >= RESOLVE_NAMES && oldest != NULL) {
        forget(resolver, oldest);
    }
    return resolver->count < RESOLVE_NAMES;
}

static struct lookup *queue(struct resolver *resolver, const char *name)
{
    bool room = have_room(resolver) && have_helper(resolver);
    struct lookup *lookup = room ? calloc(1, sizeof *lookup) : NULL;
    if (lookup == NULL) {
        return NULL;
    }
    lookup->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (lookup->done_fd < 0) {
        free(lookup);
        return NULL;
    }
    memcpy(lookup->name, name, strlen(name) + 1);
    lookup->next = resolver->lookups;
    resolver->lookups = lookup;
    resolver->count++;
    (void)pthread_cond_signal(&resolver->work);
    return lookup;
}

/* Called and returns with the mutex held; lets go of it to wait. True once the look-up is done. */
static bool await(struct resolver *resolver, struct lookup *lookup, struct limit limit)
{
    if (lookup->state != LOOKUP_DONE) {
        struct pollfd polled[2] = {{.fd = lookup->done_fd, .events = POLLIN}};
        lookup->waiters++;
        (void)pthread_mutex_unlock(&resolver->mutex);
        (void)limit_poll(polled, 1, limit);
        (void)pthread_mutex_lock(&resolver->mutex);
        lookup->waiters--;
    }
    bool done = lookup->state == LOOKUP_DONE;
    if (done && lookup->waiters == 0) {
        close_done(lookup);
    }
    return done;
}

static enum resolve_result ask(struct resolver *resolver, const char *host, struct limit limit,
                               struct socket_addresses *addresses, struct err *err)
{
    forget_old(resolver);
    struct lookup *lookup = find(resolver, host);
    if (lookup == NULL) {
        lookup = queue(resolver, host);
    }
    if (lookup == NULL) {
        err_set(err, "cannot look up %s: too many look-ups are under way", host);
        return RESOLVE_FAILED;
    }
    if (!await(resolver, lookup, limit)) {
        err_set(err, "cannot look up %s in time", host);
        return RESOLVE_TIMED_OUT;
    }
    if (lookup->error != 0) {
        err_set(err, "cannot look up %s: %s", host, gai_strerror(lookup->error));
        return RESOLVE_FAILED;
    }
    *addresses = lookup->addresses;
    return RESOLVE_OK;
}

static void set_ports(struct socket_addresses *addresses, uint16_t port)
{
    for (size_t i = 0; i < addresses->count; i++) {
        struct sockaddr_storage *storage = &addresses->items[i].storage;
        if (storage->ss_family == AF_INET) {
            ((struct sockaddr_in *)(void *)storage)->sin_port = htons(port);
        } else {
            ((struct sockaddr_in6 *)(void *)storage)->sin6_port = htons(port);
        }
    }
}

enum resolve_result resolver_resolve(struct resolver *resolver, const char *host, uint16_t port,
                                     struct limit limit, struct socket_addresses *addresses, struct err *err)
{
    addresses->count = 0;
    enum resolve_result result = RESOLVE_OK;
    if (strlen(host) >= RESOLVE_NAME_MAX) {
        err_set(err, "cannot look up %.40s...: the name is too long", host);
        return RESOLVE_FAILED;
    }
    if (!literal(host, addresses)) {
        (void)pthread_mutex_lock(&resolver->mutex);
        result = ask(resolver, host, limit, addresses, err);
        (void)pthread_mutex_unlock(&resolver->mutex);
    }
    set_ports(addresses, port);
    return result;
}
