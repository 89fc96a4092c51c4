/* part: writes the tree: each node's Content-* fields, the boundaries between nodes, the bodies (RFC 2045, 2046, 2183). */
#ifndef FCGI_SMTP_MIME_PART_H
#define FCGI_SMTP_MIME_PART_H

#include "mime/header.h"
#include "mime/message_tree.h"
#include "mime/segments.h"

/*
 * Appends the root's Content-* fields, the empty line that ends the header section, and all that follows; header writes
 * to segments->fixed. *section_end is where the header section ends in it. The result is header->result.
 */
void part_write_tree(struct header *header, struct segments *segments, const struct node *root,
                     size_t *section_end);

#endif
