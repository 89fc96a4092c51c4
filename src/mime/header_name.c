/*
 * Fields that this program makes or that later hops make and readers trust are not a caller's to give: a
 * forged Received or Authentication-Results would speak for somebody else, a second From would be read
 * differently by every reader.
 */
#include "fcgi_smtp/compose.h"

enum {
    NAME_MAX_LEN = 76 /* octets; so that a name, ":" and white space fit on a line of 78 (RFC 5322 2.1.1) */
};

static const char *const guarded[] = {
    "Date",
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Bcc",
    "Subject",
    "Message-ID",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Return-Path",
    "Received",
    "DKIM-Signature",
    "Authentication-Results",
};

static const char *const guarded_prefixes[] = {"Content-", "Resent-"};

/* RFC 5322 3.6.8: printable ASCII but ":". */
static bool is_ftext(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.data[i] < 33 || name.data[i] > 126 || name.data[i] == ':') {
            return false;
        }
    }
    return name.len > 0;
}

static bool is_guarded(struct slice name)
{
    for (size_t i = 0; i < sizeof guarded / sizeof guarded[0]; i++) {
        if (slice_equal_nocase(name, slice_of(guarded[i]))) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof guarded_prefixes / sizeof guarded_prefixes[0]; i++) {
        struct slice prefix = slice_of(guarded_prefixes[i]);
        if (name.len >= prefix.len && slice_equal_nocase((struct slice){name.data, prefix.len}, prefix)) {
            return true;
        }
    }
    return false;
}

bool compose_header_name_allowed(struct slice name, struct err *err)
{
    if (!is_ftext(name)) {
        err_set(err,
                "\"%.*s\" is no header field name: printable ASCII characters but \":\" make one (RFC 5322 "
                "3.6.8)",
                SLICE_ARGS(name));
        return false;
    }
    if (name.len > NAME_MAX_LEN) {
        err_set(err, "a header field name has at most %d characters", NAME_MAX_LEN);
        return false;
    }
    if (is_guarded(name)) {
        err_set(err, "the header field %.*s is not the caller's to set this way", SLICE_ARGS(name));
        return false;
    }
    return true;
}
