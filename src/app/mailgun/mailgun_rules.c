/*
 * One table says what each field is. What cannot be done here (stored templates, later delivery) is refused with the
 * reason, not ignored: a program must not believe in what does not happen.
 */
#include "app/mailgun/mailgun_rules.h"

#include "fcgi_smtp/nearest.h"

#define NO_TEMPLATES "there are no stored templates here; send the texts themselves"
#define NO_QUEUE     "mails are delivered at once, there is no queue here; send it when it is due"

#define SEND(name, field, calls, limit, repeats, may_be_file)                                                \
    {                                                                                                        \
        name, MAILGUN_KIND_SEND, SEND_##field, MAILGUN_CALL_##calls, MAILGUN_LIMIT_##limit, repeats,         \
            may_be_file, NULL                                                                                \
    }
#define OWN(name, kind, calls, limit, repeats, may_be_file)                                                  \
    {                                                                                                        \
        name, MAILGUN_KIND_##kind, SEND_UNKNOWN, MAILGUN_CALL_##calls, MAILGUN_LIMIT_##limit, repeats,       \
            may_be_file, NULL                                                                                \
    }
#define REFUSED(name, why)                                                                                   \
    {                                                                                                        \
        name, MAILGUN_KIND_REFUSED, SEND_UNKNOWN, MAILGUN_CALL_BOTH, MAILGUN_LIMIT_FIELD, true, false, why   \
    }

/* Name, what it is, where, its limit, whether it repeats, whether it may be a file. The first that fits counts. */
static const struct mailgun_rule rules[] = {
    SEND("from", FROM, MESSAGES, FIELD, true, false),
    SEND("to", TO, BOTH, FIELD, true, false),
    SEND("cc", CC, MESSAGES, FIELD, true, false),
    SEND("bcc", BCC, MESSAGES, FIELD, true, false),
    SEND("subject", SUBJECT, MESSAGES, HEADER_VALUE, false, true),
    SEND("text", TEXT, MESSAGES, TEXT, false, true),
    SEND("html", HTML, MESSAGES, TEXT, false, true),
    OWN("amp-html", AMP, MESSAGES, TEXT, false, true),
    SEND("attachment", ATTACHMENT, MESSAGES, REQUEST, true, true),
    SEND("inline", INLINE, MESSAGES, REQUEST, true, true),
    SEND("message", MESSAGE, MIME, REQUEST, false, true),
    OWN("recipient-variables", RECIPIENT_VARIABLES, MESSAGES, TEXT, false, true),
    SEND("h:", HEADER, MESSAGES, HEADER_VALUE, true, false),
    OWN("v:", VARIABLE, MESSAGES, HEADER_VALUE, true, false),
    OWN("o:tag", TAG, MESSAGES, HEADER_VALUE, true, false),
    OWN("o:testmode", TEST_MODE, BOTH, HEADER_VALUE, false, false),
    OWN("o:require-tls", REQUIRE_TLS, BOTH, HEADER_VALUE, false, false),
    OWN("o:skip-verification", WITHOUT_EFFECT, BOTH, HEADER_VALUE, true, false),
    OWN("o:dkim", WITHOUT_EFFECT, BOTH, HEADER_VALUE, true, false),
    OWN("o:tracking*", WITHOUT_EFFECT, BOTH, HEADER_VALUE, true, false),
    REFUSED("o:deliverytime*", NO_QUEUE),
    REFUSED("o:", "this option is not known here"),
    REFUSED("template", NO_TEMPLATES),
    REFUSED("t:", NO_TEMPLATES),
};

static const struct mailgun_rule unknown_rule = OWN("", UNKNOWN, BOTH, FIELD, true, true);

/* Headers that are more than text: each the field of /send's that checks it. Their names have no case. */
static const struct mailgun_rule headers[] = {
    SEND("h:Reply-To", REPLY_TO, MESSAGES, FIELD, true, false),
    OWN("h:Sender", SENDER, MESSAGES, FIELD, false, false),
    SEND("h:Message-Id", MESSAGE_ID, MESSAGES, HEADER_VALUE, false, false),
    SEND("h:Date", DATE, MESSAGES, HEADER_VALUE, false, false),
    SEND("h:In-Reply-To", IN_REPLY_TO, MESSAGES, HEADER_VALUE, false, false),
    SEND("h:References", REFERENCES, MESSAGES, HEADER_VALUE, false, false),
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool fits(const char *rule, struct slice name)
{
    size_t len = strlen(rule);
    size_t prefix = len - (rule[len - 1] == '*');
    bool open = rule[len - 1] == '*' || rule[len - 1] == ':';
    return open ? name.len >= prefix && memcmp(name.data, rule, prefix) == 0
                : slice_equal(name, slice_of(rule));
}

/* PHP's way to write a list, by which Symfony Mailer 5.4 sends files: "attachment[0]" and "to[]" are attachment and to. */
static struct slice without_index(struct slice name)
{
    size_t len = name.len;
    if (len == 0 || name.data[len - 1] != ']') {
        return name;
    }
    len--;
    while (len > 0 && ascii_is_digit(name.data[len - 1])) {
        len--;
    }
    return len > 0 && name.data[len - 1] == '[' ? (struct slice){name.data, len - 1} : name;
}

const struct mailgun_rule *mailgun_rule_find(struct slice name)
{
    struct slice listed = without_index(name);
    for (size_t i = 0; i < COUNT(headers); i++) {
        if (slice_equal_nocase(name, slice_of(headers[i].name))) {
            return &headers[i];
        }
    }
    for (size_t i = 0; i < COUNT(rules); i++) {
        if (fits(rules[i].name, name) || (rules[i].repeats && slice_equal(listed, slice_of(rules[i].name)))) {
            return &rules[i];
        }
    }
    return &unknown_rule;
}

uint64_t mailgun_field_limit(void *ctx, struct slice name, bool is_file)
{
    const struct config_limits *limits = ctx;
    const struct mailgun_rule *rule = mailgun_rule_find(name);
    if (rule->kind == MAILGUN_KIND_UNKNOWN && is_file) {
        return UINT64_MAX; /* it is refused by its name, whatever its size */
    }
    switch (rule->limit) {
    case MAILGUN_LIMIT_HEADER_VALUE:
        return (uint64_t)limits->header_value;
    case MAILGUN_LIMIT_TEXT:
        return (uint64_t)limits->text;
    case MAILGUN_LIMIT_REQUEST:
        return UINT64_MAX; /* the request's own limit holds */
    case MAILGUN_LIMIT_FIELD:
        break;
    }
    return (uint64_t)limits->field;
}

size_t mailgun_rule_place(const struct mailgun_rule *rule)
{
    _Static_assert(COUNT(rules) + COUNT(headers) < MAILGUN_RULES_MAX, "every rule has a place");
    if (rule == &unknown_rule) {
        return COUNT(rules) + COUNT(headers);
    }
    bool is_header = rule >= headers && rule < headers + COUNT(headers);
    return is_header ? COUNT(rules) + (size_t)(rule - headers) : (size_t)(rule - rules);
}

const char *mailgun_rule_nearest(struct slice name)
{
    const char *names[COUNT(rules)];
    for (size_t i = 0; i < COUNT(rules); i++) {
        names[i] = rules[i].name;
    }
    return nearest_name(name, names, COUNT(rules));
}
