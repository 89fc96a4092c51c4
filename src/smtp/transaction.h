/*
 * transaction: one mail on a session (RFC 5321 3.3): MAIL, RCPT for each recipient, the message; by RFC 2033 in LMTP.
 *
 * struct transaction is what the parts share: precheck (what is known to fail before anything is said), recipients (who
 * is in it, and what became of them) and message (how the octets go).
 */
#ifndef FCGI_SMTP_SMTP_TRANSACTION_H
#define FCGI_SMTP_SMTP_TRANSACTION_H

#include <stdbool.h>
#include <stddef.h>

#include "fcgi_smtp/smtp_client.h"
#include "smtp/session.h"

/* How the message goes. */
enum message_way {
    MESSAGE_DATA,       /* DATA when the recipients are known, the message when the server asks for it */
    MESSAGE_DATA_AHEAD, /* DATA in the flight of MAIL and RCPT (RFC 2920 3.1) */
    MESSAGE_BDAT,       /* in chunks, when the recipients are known (RFC 3030) */
    MESSAGE_BDAT_AHEAD  /* one chunk with all of it, in the flight of MAIL and RCPT */
};

struct transaction {
    struct smtp_session *session;
    struct smtp_delivery *delivery;
    struct smtp_outcome *outcome;
    const char *who;
    enum message_way way;
    bool lmtp;
    bool smtputf8;       /* MAIL is to say so */
    bool again;          /* for those that were too many for the transaction before */
    bool begun;          /* MAIL has been said */
    bool data_ended;     /* the write that holds the data's end was begun */
    bool over;           /* the server has answered the end of the data: there is nothing to reset */
    bool settled;        /* each recipient has its state */
    size_t unheard;      /* commands that were said, and whose replies were not heard yet */
    size_t next_unheard; /* recipients before this one have had their reply to RCPT */
};

/* Delivers, in more than one transaction if need be (452 4.5.3). Fills in each recipient's result and the outcome but for
 * outcome->session. */
void transaction_run(struct smtp_session *session, struct smtp_delivery *delivery,
                     struct smtp_outcome *outcome);

#endif
