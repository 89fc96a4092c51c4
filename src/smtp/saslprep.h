/*
 * saslprep: SASLprep (RFC 4013), the profile of stringprep that SCRAM asks for: one form for all ways to type the
 * same user or password.
 *
 * ASCII is its own form. The rest is mapped, brought to NFKC and checked; code points that Unicode 3.2 did not
 * know are taken as today's Unicode has them, so that they may stand in passwords.
 */
#ifndef FCGI_SMTP_SMTP_SASLPREP_H
#define FCGI_SMTP_SMTP_SASLPREP_H

#include <stdbool.h>

#include "fcgi_smtp/buf.h"
#include "fcgi_smtp/err.h"
#include "fcgi_smtp/slice.h"

#define SASLPREP_IN_MAX  4096                /* octets of a text that is not ASCII */
#define SASLPREP_OUT_MAX ((size_t)80 * 1024) /* octets that out must have room for */

/* Appends the prepared text, which may be empty. False: why says what is wrong, as the end of a sentence; no
 * part of the text is in it. */
bool saslprep(struct slice text, struct buf *out, struct err *why) BUF_MUST_CHECK;

#endif
