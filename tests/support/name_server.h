/* A DNS server that says nothing until it is told to. It stands in for the system's: a connect(2) of this process to
 * port 53, whatever the address, reaches it. So a test decides how long a name is being resolved.
 *
 * It is only there on Linux: elsewhere name_server_open answers -1. */
#ifndef HAWSER_TESTS_NAME_SERVER_H
#define HAWSER_TESTS_NAME_SERVER_H

/* From here on it is asked. 0, or -1 if there is none to be had. */
int name_server_open(void);
void name_server_close(void);
/* True if a question is there: for as long as none is, `pump` lets the library work. */
int name_server_asked(void (*pump)(void *with), void *with);
/* Answers what was asked so far: there is no such name (RFC 1035 4.1.1). */
void name_server_deny(void);

#endif
