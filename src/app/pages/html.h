/*
 * html: text for the inside of HTML elements and quoted attributes. Pure.
 */
#ifndef FCGI_SMTP_APP_HTML_H
#define FCGI_SMTP_APP_HTML_H

#include "fcgi_smtp/buf.h"

/*
 * Appends text, which is UTF-8, with & < > " ' as character references, so that it can neither end an attribute nor begin
 * an element. Controls that HTML does not allow become U+FFFD. False: over out's limit or without memory; out may then
 * hold a part of it.
 */
bool html_append_escaped(struct buf *out, struct slice text) BUF_MUST_CHECK;

#endif
