/*
 * read: what the reader of the tree (read.c) and that of the keys that make structs (read_structs.c) need of each other.
 *
 * base is the struct whose keys a section's are.
 */
#ifndef FCGI_SMTP_CONFIG_READ_H
#define FCGI_SMTP_CONFIG_READ_H

#include "config/reading.h"
#include "config/schema.h"

/* What the configuration owns is taken from here. */
struct arena *read_memory(const struct reading *r);

/* "a list", "a mapping", "a single value". */
const char *read_kind_name(const struct node *node);

/* Whether the node holds keys, which may be none at all; reports it otherwise, and keys that are there twice. */
bool read_is_mapping(struct reading *r, const struct node *node, bool nocase);

/* Stores the defaults of a struct's keys. False without memory. */
bool read_store_defaults(struct reading *r, const char *section, void *base);

/* Reads the keys below a section. */
void read_section(struct reading *r, const struct node *node, const char *section, void *base);

/* Room for the servers and forms that the tree has. False without memory. */
bool read_make_room(struct reading *r);

void read_choice(struct reading *r, const struct node *node);
void read_servers(struct reading *r, const struct node *node);
void read_forms(struct reading *r, const struct node *node);
void read_api_keys(struct reading *r, const struct node *node);

#endif
