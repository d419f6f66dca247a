/*
 * Preloaded into ngtcp2's gtlsclient by test/acceptance/foreign-client.test.ts: lets it offer the application protocol
 * SHIM_ALPN in place of HTTP/3.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

typedef struct { unsigned char *data; unsigned int size; } datum;

int gnutls_alpn_set_protocols(void *session, const datum *protocols, unsigned count, unsigned flags) {
  int (*next)(void *, const datum *, unsigned, unsigned) = dlsym(RTLD_NEXT, "gnutls_alpn_set_protocols");
  char *alpn = getenv("SHIM_ALPN");
  (void)protocols, (void)count;
  datum own = {(unsigned char *)alpn, (unsigned int)strlen(alpn)};
  return next(session, &own, 1, flags);
}

/*
 * It gives up in mid-handshake where the server allows none of the unidirectional streams that HTTP/3 needs. It is told
 * that it has them, and that HTTP/3 never has anything to send on them.
 */
unsigned long long ngtcp2_conn_get_max_local_streams_uni(void *connection) {
  (void)connection;
  return 3;
}

int ngtcp2_conn_open_uni_stream(void *connection, long long *id, void *user) {
  static long long next = 2;
  (void)connection, (void)user;
  *id = next;
  next += 4;
  return 0;
}

long nghttp3_conn_writev_stream(void *connection, long long *id, int *fin, void *vectors, unsigned long count) {
  (void)connection, (void)vectors, (void)count;
  *id = -1;
  *fin = 0;
  return 0;
}
