/*
 * ORCPT is not given: it would repeat the address of its own RCPT, which is what a server takes where there is none (RFC
 * 3461 5.2.1).
 */
#include "smtp/parameters.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ENVID_MAX 100 /* octets of xtext (RFC 3461 5.4) */

/* Room is enough for all: the longest is ENVID. */
static void __attribute__((format(printf, 2, 3))) add(char out[PARAMETERS_MAX], const char *format, ...)
{
    size_t used = strlen(out);
    size_t space = used > 0 ? 1 : 0;
    if (used + space >= PARAMETERS_MAX) {
        return;
    }
    out[used] = space > 0 ? ' ' : '\0';
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(out + used + space, PARAMETERS_MAX - used - space, format, arguments);
    va_end(arguments);
}

bool parameters_xtext(const char *text, char *out, size_t cap)
{
    size_t used = 0;
    for (const char *c = text; *c != '\0'; c++) {
        if (*c < ' ' || *c > '~' || used + 3 >= cap) {
            out[0] = '\0';
            return false;
        }
        if (*c == ' ' || *c == '+' || *c == '=') {
            used += (size_t)snprintf(out + used, cap - used, "+%02X", (unsigned)(unsigned char)*c);
        } else {
            out[used++] = *c;
        }
    }
    out[used] = '\0';
    return true;
}

static void add_dsn(char out[PARAMETERS_MAX], const struct smtp_delivery *delivery)
{
    char envid[ENVID_MAX + 3];
    if (delivery->ret != SMTP_RET_UNSET) {
        add(out, "RET=%s", delivery->ret == SMTP_RET_HDRS ? "HDRS" : "FULL");
    }
    bool wanted = delivery->notify != 0 || delivery->ret != SMTP_RET_UNSET;
    /* One that is too long is left out: a report without it still names the recipient. */
    if (wanted && delivery->envid != NULL && parameters_xtext(delivery->envid, envid, sizeof envid) &&
        envid[0] != '\0' && strlen(envid) <= ENVID_MAX) {
        add(out, "ENVID=%s", envid);
    }
}

void parameters_of_mail(char out[PARAMETERS_MAX], const struct smtp_delivery *delivery,
                        const struct capabilities *capabilities, bool smtputf8, bool require_tls)
{
    out[0] = '\0';
    if (capabilities->size) {
        add(out, "SIZE=%" PRIu64, delivery->size);
    }
    /* A header in UTF-8 has octets over 127 as well. */
    if (capabilities->eightbitmime && (delivery->eight_bit || delivery->smtputf8)) {
        add(out, "BODY=8BITMIME");
    }
    if (smtputf8) {
        add(out, "SMTPUTF8");
    }
    if (capabilities->dsn) {
        add_dsn(out, delivery);
    }
    if (require_tls) {
        add(out, "REQUIRETLS"); /* RFC 8689 3 */
    }
}

void parameters_of_rcpt(char out[PARAMETERS_MAX], const struct smtp_delivery *delivery,
                        const struct capabilities *capabilities)
{
    out[0] = '\0';
    if (delivery->notify == 0 || !capabilities->dsn) {
        return;
    }
    if ((delivery->notify & SMTP_NOTIFY_NEVER) != 0) { /* RFC 3461 4.1: alone */
        add(out, "NOTIFY=NEVER");
        return;
    }
    static const struct {
        unsigned bit;
        const char *name;
    } events[] = {
        {SMTP_NOTIFY_SUCCESS, "SUCCESS"}, {SMTP_NOTIFY_FAILURE, "FAILURE"}, {SMTP_NOTIFY_DELAY, "DELAY"}};
    char list[32] = "";
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        if ((delivery->notify & events[i].bit) != 0) {
            size_t used = strlen(list);
            (void)snprintf(list + used, sizeof list - used, "%s%s", used > 0 ? "," : "", events[i].name);
        }
    }
    add(out, "NOTIFY=%s", list);
}
