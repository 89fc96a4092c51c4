/*
 * auth_mechanism: what a mechanism's file gives to auth.c. Steps are pure: octets of a challenge in, octets of
 * the response out, base64 done by auth.c.
 */
#ifndef FCGI_SMTP_SMTP_AUTH_MECHANISM_H
#define FCGI_SMTP_SMTP_AUTH_MECHANISM_H

#include "smtp/auth.h"

/*
 * Answers the challenge before which auth->answered responses were given; appends to out. Sets auth->complete
 * once the server owes nothing more.
 */
typedef enum auth_result auth_step(struct auth *auth, struct slice challenge, struct buf *out,
                                   struct err *why);

auth_step auth_step_plain;
auth_step auth_step_login;
auth_step auth_step_cram_md5;
auth_step auth_step_external;
auth_step auth_step_xoauth2;
auth_step auth_step_oauthbearer;
auth_step auth_step_scram;

/* What can be refused before anything is sent; false with a reason. */
typedef bool auth_prepare(struct auth *auth, const struct auth_terms *terms, struct err *why);

auth_prepare auth_prepare_token;
auth_prepare auth_prepare_scram_sha_1;
auth_prepare auth_prepare_scram_sha_256;
auth_prepare auth_prepare_scram_sha_1_plus;
auth_prepare auth_prepare_scram_sha_256_plus;

/* For a step without memory. */
enum auth_result auth_no_memory(struct err *why);

/* A saslname (RFC 5802 5.1, RFC 5801 4): "=" and "," are written as =3D and =2C. */
bool auth_append_saslname(struct buf *out, struct slice name) BUF_MUST_CHECK;

#endif
