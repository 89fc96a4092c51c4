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

struct submission {
    struct message message;
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

/* What can be wrong with values goes to errors, so that all of it is reported at once. */
enum submission_result submission_read(struct submission *submission, const struct send_fields *fields,
                                       const struct defaults *defaults, const struct config *config,
                                       struct arena *arena, struct field_errors *errors, struct err *err);

/* What is missing, if anything: false, and err names the field and says what to give. */
bool submission_complete(const struct submission *submission, struct err *err);

#endif
