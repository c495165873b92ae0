// C side of package libsrt. libsrt keeps its last error in thread-local storage,
// and a goroutine may change threads between two calls, so every function here
// makes its call and fetches the error in one go: a negative result is minus an
// SRT_ERRNO. All sockets are non-blocking.
#ifndef CROSSPOINT_LIBSRT_BRIDGE_H
#define CROSSPOINT_LIBSRT_BRIDGE_H

#include <srt.h>
#include <stdint.h>

// An IPv4 (len 4) or IPv6 (len 16) address and port in host order.
typedef struct {
	unsigned char ip[16];
	int len;
	unsigned short port;
} xp_addr;

void xp_startup(void);
int xp_socket(void);
int xp_set_int(SRTSOCKET s, SRT_SOCKOPT opt, int v);
int xp_set_bool(SRTSOCKET s, SRT_SOCKOPT opt, int v);
int xp_set_bytes(SRTSOCKET s, SRT_SOCKOPT opt, const void *p, int n);
int xp_set_no_linger(SRTSOCKET s);
int xp_get_string(SRTSOCKET s, SRT_SOCKOPT opt, char *buf, int cap);
int xp_connect(SRTSOCKET s, const xp_addr *local, const xp_addr *remote);
int xp_rendezvous(SRTSOCKET s, const xp_addr *local, const xp_addr *remote);
int xp_listen(SRTSOCKET s, const xp_addr *local, int backlog, uintptr_t hook);
int xp_accept(SRTSOCKET s, xp_addr *peer);
int xp_local(SRTSOCKET s, xp_addr *out);
int xp_send(SRTSOCKET s, const char *p, int n);
int xp_recv(SRTSOCKET s, char *p, int n);
int xp_stats(SRTSOCKET s, SRT_TRACEBSTATS *out, size_t *unacked_bytes);
int xp_epoll(SRTSOCKET s, int events);
int xp_epoll_change(int eid, SRTSOCKET s, int events);
int xp_wait(int eid, int ms, int *events);
int xp_groups(void);

#endif
