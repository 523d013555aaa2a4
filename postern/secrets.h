/* Passwords no phone owner would think up. */
#ifndef POSTERN_SECRETS_H
#define POSTERN_SECRETS_H

/* 32 letters and digits that nobody mixes up when typing them into a desk
 * phone: 24 of them are 120 bits. */
#define SECRET_PASSWORD_LEN 24

/* Ended with NUL; the caller wipes it. */
void secrets_password(char out[SECRET_PASSWORD_LEN + 1]);

#endif
