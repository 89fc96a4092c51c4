/*
 * outgoing: what is known of the octets that are to be delivered, whether they were composed or given whole.
 */
#ifndef FCGI_SMTP_APP_OUTGOING_H
#define FCGI_SMTP_APP_OUTGOING_H

#include "fcgi_smtp/compose.h"
#include "fcgi_smtp/passthrough.h"

struct outgoing {
    struct source source; /* read NULL: there is nothing yet */
    uint64_t size;
    struct slice message_id;
    struct slice header_section;
    bool eight_bit;
    bool smtputf8;
    const char *smtputf8_field; /* the request's; "": none */
};

/* Views; compose must outlive them. */
static inline struct outgoing outgoing_of_compose(struct compose *compose)
{
    struct outgoing outgoing = {
        .source = compose_source(compose),
        .size = compose_size(compose),
        .message_id = compose_message_id(compose),
        .header_section = compose_header_section(compose),
    };
    outgoing.smtputf8 = compose_needs_smtputf8(compose, &outgoing.smtputf8_field);
    return outgoing;
}

/* Views; whole must outlive them. field: the request's that whole came in. */
static inline struct outgoing outgoing_of_whole(struct passthrough *whole, const char *field)
{
    bool smtputf8 = passthrough_needs_smtputf8(whole);
    return (struct outgoing){
        .source = passthrough_source(whole),
        .size = passthrough_size(whole),
        .message_id = passthrough_message_id(whole),
        .header_section = passthrough_header_section(whole),
        .eight_bit = passthrough_is_eight_bit(whole),
        .smtputf8 = smtputf8,
        .smtputf8_field = smtputf8 ? field : "",
    };
}

#endif
