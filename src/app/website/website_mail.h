/*
 * website_mail: a visitor's input becomes the mail that its form describes.
 */
#ifndef FCGI_SMTP_APP_WEBSITE_MAIL_H
#define FCGI_SMTP_APP_WEBSITE_MAIL_H

#include "app/defaults.h"
#include "app/form_input.h"
#include "app/submission.h"
#include "app/website/website_forms.h"
#include "fcgi_smtp/blob.h"

/* What the mail is made of; what cannot stand in it becomes a problem of the input. */
struct website_mail {
    struct submission *submission; /* what is made */
    const struct website_form *form;
    struct form_input *input;
    const struct defaults *defaults;
    const struct config *config;
    struct arena *arena;
    struct blob_store *blobs; /* of the mail's texts */
    struct err *err;
};

enum website_mail_result {
    WEBSITE_MAIL_MADE,      /* if the input has no problems */
    WEBSITE_MAIL_TOO_LARGE, /* a text is over limits.text: err says which */
    WEBSITE_MAIL_FAILED     /* memory or the spill file: err says */
};

/* Sender and recipients alone: nothing that the visitor wrote. */
enum website_mail_result website_mail_address(struct website_mail *mail);

/* All of it. */
enum website_mail_result website_mail_make(struct website_mail *mail);

#endif
