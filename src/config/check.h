/*
 * check: the rules for one server or form, and what must be true of the files that a configuration names.
 */
#ifndef FCGI_SMTP_CONFIG_CHECK_H
#define FCGI_SMTP_CONFIG_CHECK_H

#include <stdbool.h>

#include "config/reading.h"

#define CHECK_REASON_MAX 128 /* octets, the NUL included */

#define CHECK_SHOWN_MAX 256 /* octets, likewise */

/* What errno means. */
void check_reason(int error, char reason[CHECK_REASON_MAX]);

/* Whether path is a directory with these rights (access(2)) for this process; else the reason. */
bool check_directory(const char *path, int rights, char reason[CHECK_REASON_MAX]);

/* Whether path is a regular file that this process can read; else the reason. Sets *others if others can. */
bool check_file(const char *path, bool *others, char reason[CHECK_REASON_MAX]);

/* Whether path is a regular file that this process can run; else the reason. */
bool check_executable(const char *path, char reason[CHECK_REASON_MAX]);

/* "PATH: " where the value of node is relative, for a relative file is looked for in two places; else "". */
const char *check_shown(const struct node *node, const char *path, char out[CHECK_SHOWN_MAX]);

/*
 * Makes a server's relative paths absolute: a file of $CREDENTIALS_DIRECTORY where there is one of that name, else one
 * beside the configuration file.
 */
void check_complete_paths(struct reading *reading, struct config_server *server);

/* The rules for its password and mechanism; reads the password from where it is kept, but runs no command. */
void check_password(struct reading *reading, struct config_server *server, const struct node *node);

/* The rules for a server that was completed; reads its password from where it is kept. */
void check_server(struct reading *reading, struct config_server *server, const struct node *node);

/* The server that a node names; NULL: it names none, as was reported. */
const struct config_server *check_server_name(struct reading *reading, const struct node *node);

void check_form(struct reading *reading, const struct config_form *form, const struct node *node);

/* The rules for API keys. */
void check_keys(struct reading *reading);

#endif
