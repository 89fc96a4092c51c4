/*
 * Recipients are one role, whichever field they came from; From and the return path are a role each.
 */
#include "app/policy.h"

#include <fnmatch.h>

static bool matches_any(const struct config_strings *patterns, const struct addr_spec *address)
{
    for (size_t i = 0; i < patterns->count; i++) {
        if (address_matches(address, patterns->items[i])) {
            return true;
        }
    }
    return false;
}

static bool list_has(const struct address_list *list, const struct addr_spec *address)
{
    for (size_t i = 0; i < list->count; i++) {
        if (address_equal(&list->mailboxes[i].address, address)) {
            return true;
        }
    }
    return false;
}

static bool author_allowed(const struct config_allow *allow, const struct defaults *defaults,
                           const struct addr_spec *address)
{
    return list_has(&defaults->from, address) || matches_any(&allow->senders, address);
}

static bool is_default_sender(const struct defaults *defaults, const struct addr_spec *address)
{
    return defaults->has_sender && address_equal(&defaults->sender.address, address);
}

/* The Sender field that the request gave, if it did: in a whole message, or as a header. */
static const struct addr_spec *own_sender(const struct submission *submission)
{
    const struct message *message = &submission->message;
    const struct address_list *shown = message->sender_shown ? &message->sender : NULL;
    const struct address_list *sender =
        submission->whole != NULL ? passthrough_sender(submission->whole) : shown;
    return sender != NULL && sender->count > 0 ? &sender->mailboxes[0].address : NULL;
}

/* What the return path is when nothing else says it. */
static const struct addr_spec *implied_path(const struct submission *submission)
{
    const struct addr_spec *sender = own_sender(submission);
    const struct address_list *from = &submission->message.from;
    return sender == NULL && from->count > 0 ? &from->mailboxes[0].address : sender;
}

static bool recipient_allowed(const struct config_allow *allow, const struct defaults *defaults,
                              const struct addr_spec *address)
{
    return list_has(&defaults->to, address) || list_has(&defaults->cc, address) ||
           list_has(&defaults->bcc, address) || matches_any(&allow->recipients, address);
}

/* The null path names nobody: whoever may set any sender may set it. */
static bool return_path_allowed(const struct config_allow *allow, const struct defaults *defaults,
                                const struct submission *submission)
{
    const struct addr_spec *path = &submission->return_path;
    if (is_default_sender(defaults, path)) {
        return true;
    }
    if (path->text.len == 0) {
        return allow->senders.count > 0;
    }
    const struct addr_spec *implied = implied_path(submission);
    if (!defaults->has_sender && implied != NULL && address_equal(implied, path)) {
        return true; /* what it would be anyway; From and Sender themselves are checked */
    }
    return matches_any(&allow->senders, path);
}

static enum policy_result refuse(enum policy_result result, struct err *err, const char *field,
                                 const char *what, const struct addr_spec *address, const char *key)
{
    err_set_field(err, field, strlen(field));
    err_set(err, "The %s <%.*s> is not allowed here; use one that is, or ask the operator to add it to %s",
            what, SLICE_ARGS(address->text), key);
    return result;
}

enum policy_result policy_check(const struct config_allow *allow, const struct defaults *defaults,
                                const struct submission *submission, struct err *err)
{
    for (size_t i = 0; i < submission->recipients.count; i++) {
        const struct addr_spec *address = submission->recipients.items[i].address;
        if (!recipient_allowed(allow, defaults, address)) {
            return refuse(POLICY_RECIPIENT, err, submission->recipients.fields[i], "recipient", address,
                          "allow.recipients");
        }
    }
    const struct address_list *from = &submission->message.from;
    const char *field = send_field_name(submission->whole != NULL ? SEND_MESSAGE : SEND_FROM);
    for (size_t i = 0; i < from->count; i++) {
        const struct addr_spec *address = &from->mailboxes[i].address;
        if (!author_allowed(allow, defaults, address)) {
            return refuse(POLICY_SENDER, err, field, "sender", address, "allow.senders");
        }
    }
    const struct addr_spec *sender = own_sender(submission);
    if (sender != NULL && !author_allowed(allow, defaults, sender) && !is_default_sender(defaults, sender)) {
        return refuse(POLICY_SENDER, err, field, "sender", sender, "allow.senders");
    }
    if (!return_path_allowed(allow, defaults, submission)) {
        return refuse(POLICY_SENDER, err, "sender", "return path", &submission->return_path, "allow.senders");
    }
    return POLICY_ALLOWED;
}

static bool host_matches(const char *pattern, struct slice host)
{
    char name[POLICY_HOST_MAX + 1];
    if (host.len > POLICY_HOST_MAX || slice_has(host, '\0')) {
        return false;
    }
    memcpy(name, host.data, host.len);
    name[host.len] = '\0';
    return fnmatch(pattern, name, FNM_CASEFOLD | FNM_NOESCAPE) == 0;
}

bool policy_host_allowed(const struct config_allow *allow, struct slice host)
{
    for (size_t i = 0; i < allow->hosts.count; i++) {
        if (host_matches(allow->hosts.items[i], host)) {
            return true;
        }
    }
    return false;
}

bool policy_host_named(const struct config_allow *allow, struct slice host)
{
    for (size_t i = 0; i < allow->hosts.count; i++) {
        struct slice entry = slice_of(allow->hosts.items[i]);
        if (!slice_has(entry, '*') && !slice_has(entry, '?') && slice_equal_nocase(entry, host)) {
            return true;
        }
    }
    return false;
}
