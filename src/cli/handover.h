/*
 * handover: a listening socket that whoever started the program made for it.
 */
#ifndef FCGI_SMTP_CLI_HANDOVER_H
#define FCGI_SMTP_CLI_HANDOVER_H

#include <stdbool.h>

#include "fcgi_smtp/err.h"

/*
 * Finds the socket: systemd's (LISTEN_PID, LISTEN_FDS; sd_listen_fds(3)), else descriptor 0 when it is a listening
 * socket (spawn-fcgi); -1: there is none. No child inherits systemd's, nor hears of it: the variables are taken out of
 * the environment. To be called before there are threads.
 *
 * False: systemd handed over what cannot be served.
 */
bool handover_find(int *fd, struct err *err);

#endif
