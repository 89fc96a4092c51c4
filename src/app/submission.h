/*
 * submission: a form's fields and the configuration's defaults become a message and an envelope.
 */
#ifndef FCGI_SMTP_APP_SUBMISSION_H
#define FCGI_SMTP_APP_SUBMISSION_H

#include <stdbool.h>

#include "app/defaults.h"
#include "app/recipients.h"
#include "app/send_fields.h"
#include "fcgi_smtp/address.h"
#include "fcgi_smtp/compose.h"
#include "fcgi_smtp/config.h"
#include "fcgi_smtp/message.h"
#include "fcgi_smtp/passthrough.h"

struct submission {
    struct message message;
    struct passthrough
        *whole; /* owned: the message as the client made it; of `message` then only from, sender and subject
                                  are set, to what stands in it. NULL: `message` is to be composed */
    struct addr_spec return_path;
    struct recipients recipients; /* the envelope's */
    unsigned notify;              /* SMTP_NOTIFY_ bits; 0: nothing is asked for */
    enum smtp_ret ret;
    bool dry_run;
};

enum submission_result {
    SUBMISSION_OK,       /* but see errors */
    SUBMISSION_TOO_MANY, /* recipients */
    SUBMISSION_FAILED    /* memory */
};

/* What a submission is read from, and where what is wrong goes: what can be wrong with values goes to errors, so that all
 * of it is reported at once. */
struct submission_reading {
    struct submission *submission;
    const struct send_fields *fields;
    const struct defaults *defaults;
    const struct config *config;
    struct arena *arena;
    struct field_errors *errors;
    struct err *err;
};

/* The message to be composed, and its envelope. */
enum submission_result submission_read(struct submission *submission, const struct send_fields *fields,
                                       const struct defaults *defaults, const struct config *config,
                                       struct arena *arena, struct field_errors *errors, struct err *err);

void submission_free(struct submission *submission); /* takes a zeroed one */

/* Its parts that whole_message_read has too. All values of an address field, appended to list. */
enum submission_result submission_read_addresses(struct submission_reading *r, enum send_field field,
                                                 struct address_list *list);

/* The return path: sender, else the default one, else the message's Sender, else From's first address. */
enum submission_result submission_read_sender(struct submission_reading *r);

/* limited: the request gave the addresses, so limits.recipients holds. */
enum submission_result submission_collect_recipients(struct submission_reading *r,
                                                     const struct recipients_source *sources, size_t count,
                                                     bool limited);

void submission_read_dry_run(struct submission_reading *r);

/* dsn and ret. */
void submission_read_dsn(struct submission_reading *r);

/* What is missing, if anything: false, and err names the field and says what to give. */
bool submission_complete(const struct submission *submission, struct err *err);

#endif
