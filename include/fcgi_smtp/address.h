/*
 * address: mailbox lists of address fields (RFC 5322 3.4, with groups, comments, quoted strings and UTF-8,
 * RFC 6532).
 *
 * A pure parser. It never repairs: what is not a mailbox list is an error whose text quotes the piece and
 * says what is wrong with it. Refused: CR, LF, NUL and every other control but HTAB anywhere, obsolete routes, a local part
 * over 64 or an addr-spec over 254 octets (RFC 5321 4.5.3.1), domains that IDNA2008 refuses, encoded words inside an
 * addr-spec.
 */
#ifndef FCGI_SMTP_ADDRESS_H
#define FCGI_SMTP_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "fcgi_smtp/addr_spec.h"
#include "fcgi_smtp/arena.h"
#include "fcgi_smtp/err.h"

struct mailbox {
    struct slice name; /* display name, decoded UTF-8, without quotes; empty if none */
    struct addr_spec address;
};

/* A named group: mailboxes [first, first + count) of the list belong to it. */
struct address_group {
    struct slice name;
    size_t first;
    size_t count; /* may be 0: "undisclosed-recipients:;" */
};

struct address_list {
    struct mailbox *mailboxes;
    size_t count;
    size_t cap;
    struct address_group *groups; /* in order of first */
    size_t group_count;
    size_t group_cap;
};

enum address_result {
    ADDRESS_OK,
    ADDRESS_INVALID,  /* err quotes what could not be parsed */
    ADDRESS_TOO_MANY, /* more than max mailboxes */
    ADDRESS_NO_MEMORY
};

/*
 * Parses a mailbox list and appends its mailboxes to list, all memory from arena. max bounds list->count.
 * Empty list elements (obs-mbox-list: "a@x.example,,b@x.example") are skipped; a text without any mailbox or
 * group is invalid.
 */
enum address_result address_parse(struct address_list *list, struct slice text, size_t max,
                                  struct arena *arena, struct err *err);

/* Parses exactly one mailbox; null_path also allows "<>" (then mailbox->address.text is empty). */
enum address_result address_parse_one(struct mailbox *mailbox, struct slice text, bool null_path,
                                      struct arena *arena, struct err *err);

/* Whether the two name the same mailbox: local parts compared exactly, domains without case. */
bool address_equal(const struct addr_spec *a, const struct addr_spec *b);

/*
 * A shell-style pattern (*, ?) on local@domain (unquoted local part), case-insensitive. A pattern with "@" is matched on
 * both sides of its last one apart: no "*" reaches over the address's own. The domain is to be written in A-labels.
 */
bool address_matches(const struct addr_spec *address, const char *pattern);

/*
 * The A-label form (IDNA2008, libidn2, non-transitional), lower case; false: not a domain. A trailing dot is
 * refused. For a domain only: address literals are address_parse's matter.
 */
bool address_domain_to_ascii(struct slice domain, struct arena *arena, struct slice *ascii);

#endif
