/*
 * One configuration serves two readers of its secrets: the service, whose user of the day may read nothing but the
 * credentials that systemd gives it, and root, who tries the same file by hand. A relative name means the file to both.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/check.h"

#define CREDENTIALS "CREDENTIALS_DIRECTORY" /* systemd.exec(5) */

/* Where a credential of that name is; NULL: there are no credentials, or no memory. */
static char *in_credentials(struct arena *arena, const char *name)
{
    const char *directory = getenv(CREDENTIALS);
    return directory != NULL && directory[0] == '/' ? arena_printf(arena, "%s/%s", directory, name) : NULL;
}

static char *beside(struct arena *arena, const char *file, const char *name)
{
    const char *slash = strrchr(file, '/');
    return slash != NULL ? arena_printf(arena, "%.*s/%s", (int)(slash - file), file, name)
                         : arena_printf(arena, "./%s", name);
}

static void complete(struct reading *r, char **path)
{
    struct config_memory *memory = r->config->memory;
    if (*path == NULL || (*path)[0] == '/') {
        return;
    }
    char *full = in_credentials(&memory->arena, *path);
    if (full == NULL || access(full, F_OK) != 0) {
        full = beside(&memory->arena, memory->file, *path);
    }
    r->no_memory = r->no_memory || full == NULL;
    *path = full;
}

void check_complete_paths(struct reading *reading, struct config_server *server)
{
    complete(reading, &server->ca_file);
    complete(reading, &server->ca_path);
    complete(reading, &server->client_cert);
    complete(reading, &server->client_key);
    complete(reading, &server->password_file);
}
