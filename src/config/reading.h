/*
 * reading: what the steps from a tree to a configuration share. read_tree fills the struct, check_config finds
 * what is wrong across keys and completes it.
 */
#ifndef FCGI_SMTP_CONFIG_READING_H
#define FCGI_SMTP_CONFIG_READING_H

#include <stdbool.h>
#include <stddef.h>

#include "config/problems.h"
#include "config/tree.h"
#include "fcgi_smtp/arena.h"
#include "fcgi_smtp/config.h"

/* Where a value of the file stands. */
struct position {
    char *path; /* as problems show it */
    struct place place;
};

/* What a loaded configuration owns besides its servers' secrets. */
struct config_memory {
    struct arena arena;
    char *file;
    struct position *positions;
    size_t position_count;
    size_t position_cap;
    struct problems *problems; /* while report->further is called: where config_report_add adds to */
};

struct reading {
    struct config *config; /* config->memory is there */
    struct problems *problems;
    struct tree *tree;
    const struct node **server_nodes; /* of config->servers */
    const struct node **form_nodes;   /* of config->forms */
    const struct node **key_nodes;    /* of config->keys */
    bool handed_over;
    bool others_can_read; /* the file */
    bool no_memory;
};

/* Stores the defaults and what the tree says. False without memory. */
bool read_tree(struct reading *reading);

/*
 * Rules across keys and what needs the machine (files, directories, the environment); then passwords are read,
 * and the rest is completed. False without memory. For a complete tree only.
 */
bool check_config(struct reading *reading);

#endif
