/*
 * The server's side of TLS with OpenSSL. Operations on a socket that does not block, each waiting in
 * script_wire_poll, so that a stop ends them too. (SIGPIPE is blocked in the threads that come here: OpenSSL
 * writes without MSG_NOSIGNAL.)
 */
#include "wire.h"

#include <errno.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *reason(void)
{
    unsigned long code = ERR_peek_last_error();
    const char *text = code == 0 ? NULL : ERR_reason_error_string(code);
    return text == NULL ? "connection lost" : text;
}

/* Alerts tell a test why the client broke off. */
static void on_info(const SSL *ssl, int where, int value)
{
    struct script_wire *wire = SSL_get_app_data(ssl);
    if ((where & SSL_CB_ALERT) == 0 || wire == NULL) {
        return;
    }
    const char *direction = (where & SSL_CB_READ) != 0 ? "received" : "sent";
    script_record_event(wire->record, wire->connection, "alert %s: %s", direction,
                        SSL_alert_desc_string_long(value));
}

enum progress { PROGRESS_AGAIN, PROGRESS_STOPPED, PROGRESS_EOF, PROGRESS_RESET, PROGRESS_BROKEN };

/* After an operation that returned result <= 0. Waits if that is what it wants. */
static enum progress after_failure(struct script_wire *wire, int result)
{
    int system_error = errno;
    switch (SSL_get_error(wire->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return script_wire_poll(wire, POLLIN) ? PROGRESS_AGAIN : PROGRESS_STOPPED;
    case SSL_ERROR_WANT_WRITE:
        return script_wire_poll(wire, POLLOUT) ? PROGRESS_AGAIN : PROGRESS_STOPPED;
    case SSL_ERROR_ZERO_RETURN:
        return PROGRESS_EOF;
    case SSL_ERROR_SYSCALL:
        wire->ssl_broken = true;
        return system_error == ECONNRESET || system_error == EPIPE ? PROGRESS_RESET : PROGRESS_BROKEN;
    default:
        wire->ssl_broken = true;
        return PROGRESS_BROKEN;
    }
}

size_t script_wire_tls_read(struct script_wire *wire, void *data, size_t size)
{
    for (;;) {
        ERR_clear_error();
        errno = 0;
        int got = SSL_read(wire->ssl, data, (int)size);
        if (got > 0) {
            return (size_t)got;
        }
        char detail[256];
        switch (after_failure(wire, got)) {
        case PROGRESS_AGAIN:
            continue;
        case PROGRESS_STOPPED:
            script_wire_ended(wire, SCRIPT_WIRE_STOPPED, "");
            return 0;
        case PROGRESS_EOF:
            script_wire_ended(wire, SCRIPT_WIRE_EOF, "");
            return 0;
        case PROGRESS_RESET:
            script_wire_ended(wire, SCRIPT_WIRE_RESET, "");
            return 0;
        case PROGRESS_BROKEN:
            snprintf(detail, sizeof detail, " without close_notify: %s", reason());
            script_wire_ended(wire, SCRIPT_WIRE_EOF, detail);
            return 0;
        }
    }
}

size_t script_wire_tls_write(struct script_wire *wire, const void *data, size_t size)
{
    for (;;) {
        ERR_clear_error();
        int put = SSL_write(wire->ssl, data, size > 1 << 20 ? 1 << 20 : (int)size);
        if (put > 0) {
            return (size_t)put;
        }
        if (after_failure(wire, put) != PROGRESS_AGAIN) {
            wire->gone = true;
            return 0;
        }
    }
}

static bool accept_tls(struct script_wire *wire)
{
    for (;;) {
        ERR_clear_error();
        errno = 0;
        int accepted = SSL_accept(wire->ssl);
        if (accepted == 1) {
            return true;
        }
        if (after_failure(wire, accepted) != PROGRESS_AGAIN) {
            return false;
        }
    }
}

bool script_wire_handshake(struct script_wire *wire, SSL_CTX *context)
{
    wire->ssl = SSL_new(context);
    if (wire->ssl == NULL || SSL_set_fd(wire->ssl, wire->fd) != 1) {
        abort();
    }
    SSL_set_app_data(wire->ssl, wire);
    SSL_set_info_callback(wire->ssl, on_info);
    if (!accept_tls(wire)) {
        wire->ssl_broken = true;
        wire->gone = true;
        script_record_event(wire->record, wire->connection, "tls failed: %s", reason());
        script_wire_ended(wire, SCRIPT_WIRE_EOF, " after tls failed");
        return false;
    }
    const char *sni = SSL_get_servername(wire->ssl, TLSEXT_NAMETYPE_host_name);
    script_record_event(wire->record, wire->connection, "tls %s sni=%s%s%s", SSL_get_version(wire->ssl),
                        sni == NULL ? "-" : sni,
                        SSL_get0_peer_certificate(wire->ssl) != NULL ? " client" : "",
                        SSL_session_reused(wire->ssl) ? " resumed" : "");
    return true;
}

bool script_wire_ticket(struct script_wire *wire)
{
    if (wire->ssl == NULL || wire->ssl_broken || SSL_version(wire->ssl) < TLS1_3_VERSION) {
        return false;
    }
    bool sent = SSL_new_session_ticket(wire->ssl) == 1 && accept_tls(wire) &&
                SSL_key_update(wire->ssl, SSL_KEY_UPDATE_NOT_REQUESTED) == 1 && accept_tls(wire);
    if (sent) {
        script_record_event(wire->record, wire->connection, "ticket");
    }
    return sent;
}

void script_tls_init(struct script_tls *tls)
{
    *tls = (struct script_tls){0};
    pthread_mutex_init(&tls->lock, NULL);
}

void script_tls_free(struct script_tls *tls)
{
    for (size_t i = 0; i < tls->count; i++) {
        free(tls->contexts[i].key);
        SSL_CTX_free(tls->contexts[i].context);
    }
    free(tls->contexts);
    pthread_mutex_destroy(&tls->lock);
}

/* 0 for an unknown one. */
static int tls_version(const char *name, int otherwise)
{
    static const struct {
        const char *name;
        int version;
    } versions[] = {
        {"1.0", TLS1_VERSION}, {"1.1", TLS1_1_VERSION}, {"1.2", TLS1_2_VERSION}, {"1.3", TLS1_3_VERSION}};
    if (name == NULL || name[0] == '\0') {
        return otherwise;
    }
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        if (strcmp(name, versions[i].name) == 0) {
            return versions[i].version;
        }
    }
    return 0;
}

static bool set_versions(SSL_CTX *context, const struct script_tls_settings *settings)
{
    int max = tls_version(settings->max, TLS1_3_VERSION);
    int min = tls_version(settings->min, max < TLS1_2_VERSION ? max : TLS1_2_VERSION);
    if (max == 0 || min == 0) {
        return false;
    }
    /* OpenSSL 3 has SHA-1 signatures, which old versions need, at level 0 only. */
    if (min < TLS1_2_VERSION && SSL_CTX_set_cipher_list(context, "DEFAULT@SECLEVEL=0") != 1) {
        return false;
    }
    return SSL_CTX_set_min_proto_version(context, min) == 1 &&
           SSL_CTX_set_max_proto_version(context, max) == 1;
}

static bool ask_client(SSL_CTX *context, const char *authority)
{
    if (authority == NULL) {
        return true;
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return SSL_CTX_load_verify_file(context, authority) == 1;
}

static SSL_CTX *make_context(const struct script_tls_settings *settings, char *error, size_t error_size)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (context == NULL) {
        abort();
    }
    static const unsigned char session_id_context[] = "smtp_script";
    SSL_CTX_set_session_id_context(context, session_id_context, sizeof session_id_context - 1);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    ERR_clear_error();
    if (!set_versions(context, settings)) {
        snprintf(error, error_size, "TLS versions are 1.0, 1.1, 1.2 and 1.3");
    } else if (SSL_CTX_use_certificate_chain_file(context, settings->cert_file) != 1 ||
               SSL_CTX_use_PrivateKey_file(context, settings->key_file, SSL_FILETYPE_PEM) != 1) {
        snprintf(error, error_size, "certificate %s, key %s: %s", settings->cert_file, settings->key_file,
                 reason());
    } else if (!ask_client(context, settings->client_ca)) {
        snprintf(error, error_size, "authority %s: %s", settings->client_ca, reason());
    } else {
        return context;
    }
    SSL_CTX_free(context);
    return NULL;
}

static SSL_CTX *get_locked(struct script_tls *tls, const char *key,
                           const struct script_tls_settings *settings, char *error, size_t error_size)
{
    for (size_t i = 0; i < tls->count; i++) {
        if (strcmp(tls->contexts[i].key, key) == 0) {
            return tls->contexts[i].context;
        }
    }
    SSL_CTX *context = make_context(settings, error, error_size);
    if (context != NULL) {
        tls->contexts = script_grow(tls->contexts, tls->count, &tls->capacity, sizeof *tls->contexts);
        tls->contexts[tls->count++] =
            (struct script_tls_context){.key = script_copy(key, strlen(key)), .context = context};
    }
    return context;
}

SSL_CTX *script_tls_get(struct script_tls *tls, const struct script_tls_settings *settings, char *error,
                        size_t error_size)
{
    struct script_bytes key = {0};
    const char *parts[] = {settings->cert_file, settings->key_file, settings->min, settings->max,
                           settings->client_ca};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        script_bytes_text(&key, parts[i] == NULL ? "" : parts[i]);
        script_bytes_text(&key, "\n");
    }
    pthread_mutex_lock(&tls->lock);
    SSL_CTX *context = get_locked(tls, (const char *)key.data, settings, error, error_size);
    pthread_mutex_unlock(&tls->lock);
    script_bytes_free(&key);
    return context;
}
