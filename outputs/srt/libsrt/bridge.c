#include "bridge.h"
#include "_cgo_export.h"

#include <string.h>
#ifndef _WIN32 // where srt.h brings these along
#include <netinet/in.h>
#include <sys/socket.h>
#include <syslog.h>
#endif

static int failed(void) {
	int e = srt_getlasterror(NULL);
	return e > 0 ? -e : -1;
}

#define RESULT(call) ((call) == SRT_ERROR ? failed() : 0)

static int to_sockaddr(const xp_addr *a, struct sockaddr_storage *ss) {
	memset(ss, 0, sizeof *ss);
	if (a->len == 4) {
		struct sockaddr_in *in = (struct sockaddr_in *)ss;
		in->sin_family = AF_INET;
		in->sin_port = htons(a->port);
		memcpy(&in->sin_addr, a->ip, 4);
		return sizeof *in;
	}
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(a->port);
	memcpy(&in6->sin6_addr, a->ip, 16);
	return sizeof *in6;
}

static void from_sockaddr(const struct sockaddr *sa, xp_addr *a) {
	memset(a, 0, sizeof *a);
	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)sa;
		a->len = 4;
		a->port = ntohs(in->sin_port);
		memcpy(a->ip, &in->sin_addr, 4);
	} else if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)sa;
		a->len = 16;
		a->port = ntohs(in6->sin6_port);
		memcpy(a->ip, &in6->sin6_addr, 16);
	}
}

void xp_startup(void) {
	srt_startup();
	// libsrt writes to stderr for every dropped packet and every refused caller;
	// what matters of that comes back as results and statistics.
	srt_setloglevel(LOG_CRIT);
}

int xp_socket(void) {
	SRTSOCKET s = srt_create_socket();
	return s == SRT_INVALID_SOCK ? failed() : s;
}

int xp_set_int(SRTSOCKET s, SRT_SOCKOPT opt, int v) {
	int32_t i = v;
	return RESULT(srt_setsockflag(s, opt, &i, sizeof i));
}

int xp_set_bool(SRTSOCKET s, SRT_SOCKOPT opt, int v) {
	unsigned char b = v != 0; // libsrt takes a C++ bool, one byte, or an int
	return RESULT(srt_setsockflag(s, opt, &b, sizeof b));
}

int xp_set_bytes(SRTSOCKET s, SRT_SOCKOPT opt, const void *p, int n) {
	return RESULT(srt_setsockflag(s, opt, p, n));
}

int xp_set_no_linger(SRTSOCKET s) {
	struct linger l = {0, 0};
	return RESULT(srt_setsockflag(s, SRTO_LINGER, &l, sizeof l));
}

int xp_get_string(SRTSOCKET s, SRT_SOCKOPT opt, char *buf, int cap) {
	int n = cap;
	return srt_getsockflag(s, opt, buf, &n) == SRT_ERROR ? failed() : n;
}

int xp_connect(SRTSOCKET s, const xp_addr *local, const xp_addr *remote) {
	struct sockaddr_storage l, r;
	int n;
	if (local->len != 0) {
		n = to_sockaddr(local, &l);
		if (srt_bind(s, (struct sockaddr *)&l, n) == SRT_ERROR)
			return failed();
	}
	n = to_sockaddr(remote, &r);
	return RESULT(srt_connect(s, (struct sockaddr *)&r, n));
}

int xp_rendezvous(SRTSOCKET s, const xp_addr *local, const xp_addr *remote) {
	struct sockaddr_storage l, r;
	int ln = to_sockaddr(local, &l), rn = to_sockaddr(remote, &r);
	return RESULT(srt_rendezvous(s, (struct sockaddr *)&l, ln, (struct sockaddr *)&r, rn));
}

// on_caller runs on libsrt's receiving thread while a caller's handshake waits.
static int on_caller(void *opaque, SRTSOCKET ns, int hsversion, const struct sockaddr *peer, const char *streamid) {
	xp_addr a;
	int reject;
	(void)hsversion;
	from_sockaddr(peer, &a);
	reject = xpOnCaller((uintptr_t)opaque, ns, &a, (char *)streamid);
	if (reject == 0)
		return 0;
	srt_setrejectreason(ns, reject);
	return -1;
}

int xp_listen(SRTSOCKET s, const xp_addr *local, int backlog, uintptr_t hook) {
	struct sockaddr_storage l;
	int n = to_sockaddr(local, &l);
	if (srt_bind(s, (struct sockaddr *)&l, n) == SRT_ERROR)
		return failed();
	if (srt_listen_callback(s, on_caller, (void *)hook) == SRT_ERROR)
		return failed();
	return RESULT(srt_listen(s, backlog));
}

int xp_accept(SRTSOCKET s, xp_addr *peer) {
	struct sockaddr_storage ss;
	int n = sizeof ss;
	SRTSOCKET c = srt_accept(s, (struct sockaddr *)&ss, &n);
	if (c == SRT_INVALID_SOCK)
		return failed();
	from_sockaddr((struct sockaddr *)&ss, peer);
	return c;
}

int xp_local(SRTSOCKET s, xp_addr *out) {
	struct sockaddr_storage ss;
	int n = sizeof ss;
	if (srt_getsockname(s, (struct sockaddr *)&ss, &n) == SRT_ERROR)
		return failed();
	from_sockaddr((struct sockaddr *)&ss, out);
	return 0;
}

int xp_send(SRTSOCKET s, const char *p, int n) {
	int r = srt_sendmsg2(s, p, n, NULL);
	return r == SRT_ERROR ? failed() : r;
}

int xp_recv(SRTSOCKET s, char *p, int n) {
	int r = srt_recvmsg2(s, p, n, NULL);
	return r == SRT_ERROR ? failed() : r;
}

int xp_stats(SRTSOCKET s, SRT_TRACEBSTATS *out, size_t *unacked_bytes) {
	size_t blocks = 0;
	*unacked_bytes = 0;
	if (srt_bistats(s, out, 0, 1) == SRT_ERROR)
		return failed();
	// Unlike byteSndBuf this counts payload alone, without packet headers.
	return srt_getsndbuffer(s, &blocks, unacked_bytes) == SRT_ERROR ? failed() : 0;
}

int xp_epoll(SRTSOCKET s, int events) {
	int eid = srt_epoll_create();
	if (eid < 0)
		return failed();
	if (srt_epoll_add_usock(eid, s, &events) == SRT_ERROR) {
		int e = failed();
		srt_epoll_release(eid);
		return e;
	}
	return eid;
}

int xp_epoll_change(int eid, SRTSOCKET s, int events) {
	return RESULT(srt_epoll_update_usock(eid, s, &events));
}

// xp_wait returns the number of ready sockets; 0 means the time is over.
int xp_wait(int eid, int ms, int *events) {
	SRT_EPOLL_EVENT ev = {0, 0};
	int n = srt_epoll_uwait(eid, &ev, 1, ms);
	*events = ev.events;
	if (n != SRT_ERROR)
		return n;
	n = failed();
	return n == -SRT_ETIMEOUT ? 0 : n;
}

// xp_groups reports whether socket groups exist in this libsrt.
int xp_groups(void) {
	SRTSOCKET g = srt_create_group(SRT_GTYPE_BROADCAST);
	if (g == SRT_INVALID_SOCK)
		return 0;
	srt_close(g);
	return 1;
}
