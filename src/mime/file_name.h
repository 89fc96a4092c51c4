/* file_name: a file's name in Content-Disposition (RFC 2183 2.3, RFC 2231 3 and 4). */
#ifndef FCGI_SMTP_MIME_FILE_NAME_H
#define FCGI_SMTP_MIME_FILE_NAME_H

#include "fcgi_smtp/slice.h"
#include "mime/header.h"

/* What stands behind the last "/" or "\"; empty for "", "." and "..". */
struct slice file_name_without_directories(struct slice name);

/* The parameter or parameters filename and filename*; nothing for an empty name. */
void file_name_write(struct header *header, struct slice name);

#endif
