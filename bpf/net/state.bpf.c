// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* TCP states: connect with its result, listen, the birth and the end of a connection. One tracepoint sees all, in the
 * caller's context or in a softirq.
 */
#include "kernel.h"
#include "event.h"
#include "sock.h"
#include "spare.h"
#include "task.h"

#define E2BIG 7

/* Who called connect, remembered until its end. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct event_header);
} connecting SEC(".maps");

static __always_inline void connect_begin(struct site *site, __u64 key)
{
	struct event_header *header = &site->scratch->header;

	header_fill_for(site, CURRENT(), EVENT_CONNECT);
	bpf_map_update_elem(&connecting, &key, header, BPF_ANY);
}

/* A softirq has no process of its own: nothing of current may be said. */
static __always_inline void header_nobody(struct event_header *header, struct site *site, enum event_kind kind)
{
	__builtin_memset(header, 0, sizeof(*header));
	header->time_ns = bpf_ktime_get_boot_ns();
	header->kind = kind;
	header->cpu = site->index / CONTEXTS;
	header->uid = header->euid = USER_UNKNOWN;
	header->flags = EVENT_NO_PROCESS;
	header->context = site->index % CONTEXTS;
	header->hook = config.hooks;
}

/* Enters a connection whose streams begin here. */
static __always_inline void connection_open(struct site *site, struct sock *sk, __u64 key, enum socket_role role,
					    const struct event_header *initiator)
{
	struct connection connection = {
		.id = connection_id(site),
		.identity = key,
		.opened_ns = bpf_ktime_get_boot_ns(),
		.role = role,
	};

	connection.streams[DATA_RECEIVED].base = BPF_CORE_READ((struct tcp_sock *)sk, copied_seq);
	connection.streams[DATA_SENT].base = BPF_CORE_READ((struct tcp_sock *)sk, write_seq);
	if (role == ROLE_CONNECTED && sock_asks_names(sk))
		connection.bits = CONNECTION_DNS;
	if (initiator) {
		connection.bits |= CONNECTION_REPORTED;
		owner_fill(&connection.owner, initiator);
	}
	if (bpf_map_update_elem(&connections, &key, &connection, BPF_NOEXIST) == -E2BIG)
		count_lost(site, LOSS_CONNECTIONS_FULL, EVENT_SOCKET);
}

/* Does a softirq change it? It leaves alone what a task has locked. */
static __always_inline bool softirq_changes(struct sock *sk)
{
	return !BPF_CORE_READ(sk, sk_lock.owned);
}

/* Who called connect is forgotten, or was never seen. Who gives the attempt up has the socket; what that thread serves now is another
 * matter.
 */
static __always_inline void header_giver(struct event_header *header, struct site *site)
{
	header_fill_for(site, CURRENT(), EVENT_CONNECT);
	header->flags |= EVENT_STAMP_LOST;
	__builtin_memset(&header->serving, 0, sizeof(header->serving));
	__builtin_memset(&header->origin, 0, sizeof(header->origin));
}

/* What the net has said of it, if the caller waited for that or not. */
static __always_inline __s32 connect_error(struct sock *sk)
{
	__s32 error = BPF_CORE_READ(sk, sk_err);

	if (!error)
		error = BPF_CORE_READ(sk, sk_err_soft);
	return error ? -error : CONNECT_GIVEN_UP;
}

static __always_inline void connect_end(struct site *site, struct sock *sk, __u64 key, const struct event_header *begun,
					bool established)
{
	struct connect_event *event = &site->scratch->connect;

	if (begun) {
		event->begun_ns = begun->time_ns;
		event->header = *begun;
		event->header.time_ns = bpf_ktime_get_boot_ns();
		event->header.cpu = site->index / CONTEXTS;
		event->header.context = site->index % CONTEXTS;
	} else {
		if (established || softirq_changes(sk))
			header_nobody(&event->header, site, EVENT_CONNECT);
		else
			header_giver(&event->header, site);
		event->begun_ns = 0;
	}
	event->result = established ? 0 : connect_error(sk);
	event->pad = 0;
	sock_fill(&event->socket, sk, bpf_map_lookup_elem(&connections, &key));
	event->socket.role = ROLE_CONNECTED;
	security_send(site, &event->header, EVENT_CONNECT, sizeof(*event));
	bpf_map_delete_elem(&connecting, &key);
}

static __always_inline void listen_change(struct site *site, struct sock *sk, bool began)
{
	struct listen_event *event = &site->scratch->listen;
	struct listener_key key = {.net_ns = sock_net_ns(sk), .port = sock_local_port(sk)};
	__u32 one = 1, *count = bpf_map_lookup_elem(&listeners, &key);

	if (!began) {
		if (count && *count > 1)
			__sync_fetch_and_add(count, -1);
		else if (count)
			bpf_map_delete_elem(&listeners, &key);
	} else if (count) {
		__sync_fetch_and_add(count, 1);
	} else if (bpf_map_update_elem(&listeners, &key, &one, BPF_ANY)) {
		count_lost(site, LOSS_CONNECTIONS_FULL, EVENT_LISTEN);
	}
	header_fill_for(site, CURRENT(), EVENT_LISTEN);
	sock_fill(&event->socket, sk, NULL);
	event->socket.opened_ns = event->header.time_ns;
	event->socket.role = ROLE_LISTENING;
	event->listening = began;
	event->pad = 0;
	security_send(site, &event->header, EVENT_LISTEN, sizeof(*event));
}

static __always_inline void connection_close(struct site *site, __u64 key)
{
	struct connection *connection = bpf_map_lookup_elem(&connections, &key);
	struct close_event *event = &site->scratch->close;

	if (!connection)
		return;
	header_nobody(&event->header, site, EVENT_CLOSE);
	event->header.start_ns = connection->owner.start_ns;
	event->header.cgroup_id = connection->owner.cgroup_id;
	event->header.tgid = connection->owner.tgid;
	event->header.tid = connection->owner.tid;
	event->header.exec_number = connection->owner.exec_number;
	event->header.scope = connection->owner.scope;
	if (event->header.tgid)
		event->header.flags = 0;
	event->connection = connection->id;
	event->received_bytes = connection->streams[DATA_RECEIVED].position;
	event->sent_bytes = connection->streams[DATA_SENT].position;
	if (!tgid_own(event->header.tgid))
		payload_send(site, &event->header, EVENT_CLOSE, connection->id, sizeof(*event));
	bpf_map_delete_elem(&connections, &key);
}

/* Accepted, and let go of before a byte was moved: this is its first use by a process. One that nobody has accepted has no
 * socket; one that the client resets is gone before its process knows.
 */
static __always_inline void accept_unused(struct site *site, struct sock *sk, struct connection *connection)
{
	struct socket_event *event = &site->scratch->socket;

	if (connection->bits & CONNECTION_REPORTED || connection->role != ROLE_ACCEPTED ||
	    connection->flags & SOCKET_MIDDLE || softirq_changes(sk) || !BPF_CORE_READ(sk, sk_socket))
		return;
	connection->bits |= CONNECTION_REPORTED;
	header_fill_for(site, CURRENT(), EVENT_ACCEPT);
	owner_fill(&connection->owner, &event->header);
	sock_fill(&event->socket, sk, connection);
	security_send(site, &event->header, EVENT_ACCEPT, sizeof(*event));
}

/* It begins to end. Before the FIN, which counts as a byte: what was sent without a hook that saw it. */
static __always_inline void connection_end(struct site *site, struct sock *sk, __u64 key)
{
	struct connection *connection = bpf_map_lookup_elem(&connections, &key);
	struct stream *sent;

	if (!connection)
		return;
	accept_unused(site, sk, connection);
	sent = &connection->streams[DATA_SENT];
	sent->position = stream_extend(sent, BPF_CORE_READ((struct tcp_sock *)sk, write_seq));
}

/* It ends before it was established. What this host turned down by itself sent nothing, and is no attempt: it had no free port. */
static __always_inline void connect_failed(struct site *site, struct sock *sk, __u64 key, int old)
{
	struct event_header *begun = bpf_map_lookup_elem(&connecting, &key);

	if (!begun && old == TCP_SYN_RECV) /* a child of a listening socket */
		connection_close(site, key);
	else if (BPF_CORE_READ((struct tcp_sock *)sk, segs_out))
		connect_end(site, sk, key, begun, false);
	else
		bpf_map_delete_elem(&connecting, &key);
}

static __always_inline void established(struct site *site, struct sock *sk, __u64 key, int old)
{
	struct event_header *begun = bpf_map_lookup_elem(&connecting, &key);

	if (!begun && old == TCP_SYN_RECV) {
		connection_open(site, sk, key, ROLE_ACCEPTED, NULL);
		return;
	}
	connection_open(site, sk, key, ROLE_CONNECTED, begun);
	connect_end(site, sk, key, begun, true);
}

static __always_inline void state_change(struct site *site, struct sock *sk, int old, int new)
{
	__u64 key = (__u64)sk;

	/* A child of a listening socket is a copy of it and leaves TCP_LISTEN too, for TCP_SYN_RECV.
	 *
	 * Where a connection begins, an entry is of one that is gone: what was left in the queue of a socket that was reset is
	 * read after its TCP_CLOSE, and enters it again.
	 */
	if (new == TCP_LISTEN || (old == TCP_LISTEN && new == TCP_CLOSE)) {
		listen_change(site, sk, new == TCP_LISTEN);
	} else if (old == TCP_LISTEN) {
		connection_close(site, key);
	} else if (new == TCP_SYN_SENT) {
		connection_close(site, key);
		connect_begin(site, key);
	} else if (new == TCP_ESTABLISHED) {
		established(site, sk, key, old);
	} else if (new == TCP_CLOSE && (old == TCP_SYN_SENT || old == TCP_SYN_RECV)) {
		connect_failed(site, sk, key, old);
	} else {
		if (old == TCP_ESTABLISHED || old == TCP_CLOSE_WAIT)
			connection_end(site, sk, key);
		if (new == TCP_CLOSE)
			connection_close(site, key);
	}
}

static __always_inline void changed(struct sock *sk, int old, int new)
{
	struct site site;
	bool interrupting;

	if (BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP)
		return;
	if (!site_enter(&site, CONTEXT_SOFTIRQ, PROGRAM_STATE))
		return;
	/* Where this program runs for a task a softirq may run it again on top (kernels from 6.1 on refuse that and count
	 * it). That task is then in no other program of ours: its own context is free.
	 */
	interrupting = site.scratch->busy;
	if (interrupting && !site_enter(&site, CONTEXT_TASK, PROGRAM_STATE))
		return;
	if (!interrupting)
		site.scratch->busy = 1;
	state_change(&site, sk, old, new);
	if (!interrupting)
		site.scratch->busy = 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(net_state, struct sock *sk, int old, int new)
{
	return ONCE(PROGRAM_STATE, COPY_FIRST, softirq_changes(sk), changed(sk, old, new));
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(net_state_spare, struct sock *sk, int old, int new)
{
	return ONCE(PROGRAM_STATE, COPY_SPARE, softirq_changes(sk), changed(sk, old, new));
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(net_state_last, struct sock *sk, int old, int new)
{
	return ONCE(PROGRAM_STATE, COPY_LAST, softirq_changes(sk), changed(sk, old, new));
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
