/*
 * website_text: the texts of a web site's mail.
 *
 * From the form's templates; without one for the text every field stands in it as "name: value", in the form's order, the
 * lines of a value that has several indented below its name. Control fields are left out.
 */
#ifndef FCGI_SMTP_APP_WEBSITE_TEXT_H
#define FCGI_SMTP_APP_WEBSITE_TEXT_H

#include "app/website/website_mail.h"

/* Sets text and, where the form has a template for it, html of the mail's message. */
enum website_mail_result website_text_make(struct website_mail *mail);

#endif
