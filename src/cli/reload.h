/*
 * reload: reads the configuration file again and lets the running program go on with it.
 */
#ifndef FCGI_SMTP_CLI_RELOAD_H
#define FCGI_SMTP_CLI_RELOAD_H

#include "cli/sandbox.h"
#include "fcgi_smtp/app.h"
#include "fcgi_smtp/http_server.h"

struct reload {
    const char *path; /* of the file */
    int handed_over;  /* a listening socket, or -1 */
    struct app *app;
    struct http_server *server;
    struct sandbox *sandbox; /* what it lets be used */
};

/*
 * All of the file applies from now on, or nothing of it does. Says in the log what came of it: each problem in a line of its
 * own. True: it applies. From one thread at a time.
 */
bool reload_now(const struct reload *reload);

#endif
