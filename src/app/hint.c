/*
 * A table, read from above: the first row that fits is the hint. A row says as little as it can of the failure, and what it
 * does not say fits anything. "@" in a text stands for where the server's settings are.
 */
#include "app/hint.h"

#include <stdbool.h>
#include <string.h>

#include "fcgi_smtp/slice.h"

#define ANY_CAUSE SMTP_CAUSE_OTHER /* what has no cause of its own needs none in the table */

struct rule {
    enum smtp_class class;
    enum smtp_cause cause;
    const char *stage;    /* NULL: any; likewise below */
    int code;             /* of the reply, or its first digit; 0: any; -1: there was no reply */
    const char *enhanced; /* what the enhanced code ends in: ".7.1" */
    const char *word;     /* in the reply's text, in whatever case */
    const char *text;
};

#define UNAVAILABLE(cause, stage, code) SMTP_UNAVAILABLE, cause, stage, code, NULL, NULL
#define TLS(cause)                      SMTP_TLS_FAILED, cause, NULL, 0, NULL, NULL
#define AUTH(cause, code)               SMTP_AUTH_FAILED, cause, NULL, code, NULL, NULL
#define TEMPORARY(stage, code)          SMTP_TEMPORARY, ANY_CAUSE, stage, code
#define MESSAGE(cause, stage, code)     SMTP_MESSAGE_REFUSED, cause, stage, code
#define RECIPIENTS(code)                SMTP_RECIPIENTS_REFUSED, ANY_CAUSE, NULL, code
#define TIMED_OUT(stage)                SMTP_TIMED_OUT, ANY_CAUSE, stage, 0, NULL, NULL
#define ONLY(class)                     class, ANY_CAUSE, NULL, 0, NULL, NULL

#define NO_QUEUE "; send it again in some minutes, nothing is queued here"
#define FULL     "the recipient's mailbox is full: its owner has to make room"
#define TOO_BIG                                                                                              \
    "make the attachments smaller, or raise the server's limit (Postfix: message_size_limit); to refuse "    \
    "such mails early, lower limits.request"
#define NEEDS_UTF8 "use addresses that are ASCII before the @@, or let @ be a server with SMTPUTF8"
#define RELAY                                                                                                \
    "the server does not relay mail for this machine: check @.user and its password, or let the machine "    \
    "in there (Postfix: mynetworks)"

static const struct rule rules[] = {
    {UNAVAILABLE(SMTP_CAUSE_DESCRIPTORS, NULL, 0),
     "this process is out of descriptors: raise its limit (LimitNOFILE=, ulimit -n), or lower workers and "
     "connections"},
    {UNAVAILABLE(SMTP_CAUSE_LOOKUP, NULL, 0),
     "check @.host, and that names can be looked up here (/etc/resolv.conf)"},
    {UNAVAILABLE(ANY_CAUSE, "connect", 0),
     "check @.host and @.port, that the server runs, and that no firewall is in between"},
    {UNAVAILABLE(ANY_CAUSE, "greeting", -1),
     "check @.port and @.tls: port 465 wants implicit, 587 and 25 starttls"},
    {UNAVAILABLE(ANY_CAUSE, "greeting", 0),
     "the server turns this machine away: ask who runs it, and check @.host"},
    {UNAVAILABLE(ANY_CAUSE, "EHLO", 5), "the server does not like our name: check @.domain"},
    {ONLY(SMTP_UNAVAILABLE), "the server went away before it had the mail, which may be sent again; if it "
                             "goes on, look into the server's log"},

    {TIMED_OUT("connect"),
     "nobody answers: check @.host, @.port and the firewall, or raise @.timeouts.connect"},
    {TIMED_OUT("greeting"), "check @.port and @.tls (port 465 wants implicit), or raise @.timeouts.greeting"},
    {TIMED_OUT("TLS"), "check @.port and @.tls (port 465 wants implicit), or raise @.timeouts.command"},
    {TIMED_OUT("end of data"),
     "the server or the way to it is slow: raise @.timeouts.data and @.timeouts.total"},
    {ONLY(SMTP_TIMED_OUT),
     "the server is slow: raise @.timeouts.command or @.timeouts.total, or look into its log"},

    {TLS(SMTP_CAUSE_NAME), "@.host must be one of the names that the certificate is for"},
    {TLS(SMTP_CAUSE_VALIDITY),
     "the server's certificate has to be renewed; if it is good, this machine's clock is wrong"},
    {TLS(SMTP_CAUSE_ISSUER), "check @.ca_file: it has to hold the authority that signed the server's "
                             "certificate; without it the system's are used"},
    {TLS(SMTP_CAUSE_PIN),
     "if the server has a new key, put it into @.fingerprint; if not, somebody is in between"},
    {TLS(SMTP_CAUSE_TLS_VERSION), "the server has to offer TLS 1.2, or what @.tls_min says"},
    {TLS(SMTP_CAUSE_NOT_TLS), "check @.tls and @.port: port 465 wants implicit, 587 and 25 starttls"},
    {TLS(SMTP_CAUSE_CLIENT_CERT), "check @.client_cert and @.client_key"},
    {TLS(SMTP_CAUSE_REQUIRE_TLS), "set @.require_tls: false, or use a server with REQUIRETLS"},
    {TLS(SMTP_CAUSE_NOT_OFFERED), "check @.port and @.tls: port 465 wants implicit; if STARTTLS was offered "
                                  "before, somebody may be in between"},
    {ONLY(SMTP_TLS_FAILED), "check @.tls and @.port, and look into the server's log"},

    {AUTH(SMTP_CAUSE_PASSWORD, 0),
     "check @.user and @.password, password_file, password_env or password_command"},
    {AUTH(SMTP_CAUSE_CLEAR_TEXT, 0), "set @.tls: starttls or implicit"},
    {AUTH(SMTP_CAUSE_NO_MECHANISM, 0), "check @.auth and @.port: the server has to offer a way to log in "
                                       "that is known here; some do under TLS only"},
    {AUTH(ANY_CAUSE, 530), "the server wants a login, or TLS before it: check @.user and @.tls"},
    {AUTH(ANY_CAUSE, 534),
     "the server wants another way to log in: check @.auth; some want a password made for programs"},
    {AUTH(ANY_CAUSE, 538), "the server wants TLS before the login: check @.tls"},
    {ONLY(SMTP_AUTH_FAILED), "check @.user and @.password, password_file, password_env or password_command; "
                             "some servers want a password made for programs, or OAuth2 (@.auth)"},

    {TEMPORARY("RCPT", 452), ".2.2", NULL, FULL},
    {TEMPORARY("RCPT", 450), NULL, NULL, "greylisting, or a mailbox that is busy" NO_QUEUE},
    {TEMPORARY("RCPT", 451), NULL, NULL, "greylisting, or trouble at the server" NO_QUEUE},
    {TEMPORARY("RCPT", 4), ".2.2", NULL, FULL},
    {TEMPORARY(NULL, 452), NULL, NULL, "the server has no room at the moment" NO_QUEUE},
    {TEMPORARY("AUTH", 0), NULL, NULL, "the server cannot check passwords at the moment" NO_QUEUE},
    {TEMPORARY("greeting", 0), NULL, NULL,
     "the server is busy, or lets only so many connections in: lower workers and @.pool.size" NO_QUEUE},
    {TEMPORARY(NULL, 0), NULL, NULL, "the server's trouble passes" NO_QUEUE},

    {MESSAGE(SMTP_CAUSE_SIZE, NULL, 0), NULL, NULL, TOO_BIG},
    {MESSAGE(SMTP_CAUSE_EIGHT_BIT, NULL, 0), NULL, NULL,
     "encode the message as 7 bits (only one that is given whole can have others), or let @ be a server with "
     "8BITMIME"},
    {MESSAGE(SMTP_CAUSE_UTF8, NULL, 0), NULL, NULL, NEEDS_UTF8},
    {MESSAGE(ANY_CAUSE, NULL, 5), ".3.4", NULL, TOO_BIG},
    {MESSAGE(ANY_CAUSE, NULL, 5), ".2.3", NULL, TOO_BIG},
    {MESSAGE(ANY_CAUSE, NULL, 5), ".2.2", NULL, FULL},
    {MESSAGE(ANY_CAUSE, NULL, 552), NULL, NULL, TOO_BIG},
    {MESSAGE(ANY_CAUSE, NULL, 5), ".7.1", "relay", RELAY},
    {MESSAGE(ANY_CAUSE, "MAIL", 0), NULL, NULL,
     "the server refuses the sender: check defaults.sender and defaults.from, and what @.user may send as"},
    {MESSAGE(ANY_CAUSE, NULL, 0), NULL, NULL,
     "the server refuses what the mail holds; its reply and its log say why"},

    {RECIPIENTS(553), ".6.7", NULL, NEEDS_UTF8},
    {RECIPIENTS(5), ".2.2", NULL, FULL},
    {RECIPIENTS(5), NULL, "relay", RELAY},
    {RECIPIENTS(5), ".7.1", NULL, RELAY},
    {RECIPIENTS(552), NULL, NULL, FULL},
    {RECIPIENTS(0), NULL, NULL,
     "check the address: the server knows no such mailbox, or lets nobody write to it"},

    {ONLY(SMTP_PROTOCOL_ERROR), "check @.port and @.protocol: something else than that may answer there"},
    {ONLY(SMTP_ADDRESS_FORBIDDEN),
     "name the host without a wildcard in allow.hosts if requests are to use it"},
};

static const char unknown_text[] =
    "it may have been delivered: look for message_id in the server's log before it is sent again";
static const char foreign_text[] =
    "the request chose this server itself: its fields server, port, tls, user and password are to "
    "be checked, or override taken out of allow";

static bool ends_in(const char *text, const char *end)
{
    size_t len = strlen(text);
    size_t end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static bool holds_word(const char *text, const char *word)
{
    size_t len = strlen(word);
    for (; strlen(text) >= len; text++) {
        if (slice_equal_nocase((struct slice){text, len}, slice_of(word))) {
            return true;
        }
    }
    return false;
}

static bool code_fits(int wanted, int code)
{
    if (wanted == 0) {
        return true;
    }
    return wanted < 0 ? code == 0 : wanted < 10 ? code / 100 == wanted : code == wanted;
}

static bool fits(const struct rule *rule, const struct smtp_outcome *outcome)
{
    return rule->class == outcome->class && (rule->cause == ANY_CAUSE || rule->cause == outcome->cause) &&
           (rule->stage == NULL || strcmp(rule->stage, outcome->stage) == 0) &&
           code_fits(rule->code, outcome->reply.code) &&
           (rule->enhanced == NULL || ends_in(outcome->reply.enhanced, rule->enhanced)) &&
           (rule->word == NULL || holds_word(outcome->reply.text, rule->word));
}

static const char *find(const struct smtp_outcome *outcome)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (fits(&rules[i], outcome)) {
            return rules[i].text;
        }
    }
    return "";
}

/* What failed is the process's or the mail's matter, whoever chose the server. */
static bool is_about_server(const struct smtp_outcome *outcome)
{
    switch (outcome->class) {
    case SMTP_UNAVAILABLE:
        return outcome->cause != SMTP_CAUSE_DESCRIPTORS;
    case SMTP_TLS_FAILED:
    case SMTP_AUTH_FAILED:
    case SMTP_PROTOCOL_ERROR:
    case SMTP_TIMED_OUT:
        return true;
    default:
        return false;
    }
}

/* "@" becomes settings, "@@" itself. */
static void expand(const char *text, const char *settings, char *out, size_t cap)
{
    size_t len = 0;
    for (; *text != '\0'; text++) {
        bool literal = text[0] != '@' || text[1] == '@';
        const char *piece = literal ? text : settings;
        size_t piece_len = literal ? 1 : strlen(settings);
        text += text[0] == '@' && literal ? 1 : 0;
        piece_len = piece_len < cap - 1 - len ? piece_len : cap - 1 - len;
        memcpy(out + len, piece, piece_len);
        len += piece_len;
    }
    out[len] = '\0';
}

void hint_of_outcome(const struct smtp_outcome *outcome, const char *settings, char *out, size_t cap)
{
    if (outcome->state == SMTP_DELIVERY_UNKNOWN) {
        expand(unknown_text, "", out, cap);
    } else if (settings == NULL && is_about_server(outcome)) {
        expand(foreign_text, "", out, cap);
    } else {
        expand(find(outcome), settings != NULL ? settings : "the server", out, cap);
    }
}
