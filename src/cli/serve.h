/*
 * serve: the program's usual work, from a configuration to the end that a signal asks for.
 *
 * SIGTERM and SIGINT let the requests in work finish. SIGHUP reads the configuration file again: what is wrong with it is
 * logged, and the running configuration stays; what is good serves requests from then on.
 */
#ifndef FCGI_SMTP_CLI_SERVE_H
#define FCGI_SMTP_CLI_SERVE_H

#include "fcgi_smtp/config.h"

enum serve_result {
    SERVE_DONE,
    SERVE_FAILED,  /* as was logged */
    SERVE_REFUSED, /* likewise; this system does not have what the configuration asks for */
    SERVE_STUCK /* likewise; threads still use what there is, so the process is to be ended at once (_exit) */
};

/*
 * Takes config over, which was loaded from path. handed_over: a listening socket, or -1. Call it before there are threads:
 * it blocks the signals that it waits for.
 */
enum serve_result serve(struct config *config, const char *path, int handed_over);

#endif
