/* sandbox_inside: what the sandbox's files share. */
#ifndef FCGI_SMTP_CLI_SANDBOX_INSIDE_H
#define FCGI_SMTP_CLI_SANDBOX_INSIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "fcgi_smtp/config.h"
#include "fcgi_smtp/err.h"

enum sandbox_right {
    SANDBOX_READ = 1,   /* files, and the names in directories */
    SANDBOX_WRITE = 2,  /* files, made and removed too */
    SANDBOX_REMOVE = 4, /* files */
};

/* A directory and all below it, or a file. */
struct sandbox_path {
    char *path; /* owned; without symbolic links */
    unsigned rights;
    bool directory;
    dev_t device; /* which one it is: another one of the same name is not granted */
    ino_t inode;
};

struct sandbox_paths {
    struct sandbox_path *items;
    size_t count;
    size_t room;
    bool no_memory; /* some are missing */
};

void sandbox_paths_free(struct sandbox_paths *paths);

/* What serving with config needs. False without memory. */
bool sandbox_paths_gather(struct sandbox_paths *paths, const struct config *config, const char *config_path,
                          const char *socket);

/* Whether path is granted with all of rights; true also when there is nothing at path. */
bool sandbox_paths_cover(const struct sandbox_paths *paths, const char *path, unsigned rights);

/* For this thread and those that it makes. *abi: the kernel's level. False: err says why not. */
bool sandbox_landlock(const struct sandbox_paths *paths, int *abi, struct err *err);

/* For all threads. False: err says why not; nothing is restricted then. */
bool sandbox_seccomp(struct err *err);

#endif
