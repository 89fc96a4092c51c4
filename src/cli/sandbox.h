/*
 * sandbox: what the serving program can no longer do, whoever is in control of it.
 *
 * Entered once, when everything is open and before there are threads. From then on no program can be run and no process
 * made or traced (seccomp: system calls that serving does not need fail with EPERM), files can be read only where the
 * configuration's, the certificates', the resolver's and the libraries' are, and written only in spill_dir (Landlock).
 * Connections out are not restricted: that is what the program is for.
 */
#ifndef FCGI_SMTP_CLI_SANDBOX_H
#define FCGI_SMTP_CLI_SANDBOX_H

#include <stdbool.h>

#include "fcgi_smtp/config.h"
#include "fcgi_smtp/err.h"

struct sandbox;

/*
 * By config->sandbox; what is in force, and what is missing, goes to the log. config_path: the file that config is of.
 * socket: the path of the unix socket that is to be removed at the end; NULL: there is none. NULL: sandbox is on and
 * cannot be had; err says why.
 */
struct sandbox *sandbox_enter(const struct config *config, const char *config_path, const char *socket,
                              struct err *err);

/* Adds to the report each path of a new configuration that the sandbox does not let be used. */
void sandbox_check(const struct sandbox *sandbox, const struct config *config, struct config_report *report);

void sandbox_free(struct sandbox *sandbox); /* takes NULL; the process stays inside */

#endif
