/*
 * handover: a listening socket that whoever started the program made for it.
 */
#ifndef FCGI_SMTP_CLI_HANDOVER_H
#define FCGI_SMTP_CLI_HANDOVER_H

/*
 * The descriptor of the socket: systemd's first (LISTEN_PID, LISTEN_FDS; sd_listen_fds(3)), else descriptor 0
 * when it is a listening socket (spawn-fcgi). -1: there is none.
 */
int handover_socket(void);

#endif
