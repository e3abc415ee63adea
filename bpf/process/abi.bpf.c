// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* No program: names every type of the ABI that no program or map names, so that the object's BTF has it and the layout
 * test sees it.
 */
#include "kernel.h"
#include "event.h"
#include "config.h"

#define KEEP(kind, name) kind name *__abi_##name __attribute__((unused))

KEEP(enum, event_kind);
KEEP(enum, event_flag);
KEEP(enum, event_context);
KEEP(enum, hook_list);
KEEP(enum, stamp_layer);
KEEP(enum, stamp_flag);
KEEP(enum, string_id);
KEEP(enum, file_flag);
KEEP(enum, fd_kind);
KEEP(enum, exec_flag);
KEEP(enum, file_attribute);
KEEP(enum, file_event_flag);
KEEP(enum, watch_role);
KEEP(enum, socket_role);
KEEP(enum, socket_flag);
KEEP(enum, data_direction);
KEEP(enum, data_flag);
KEEP(enum, loss_cause);
KEEP(enum, call);
KEEP(enum, credentials_cause);
KEEP(enum, credentials_flag);
KEEP(enum, access_kind);
KEEP(enum, namespace_flag);
KEEP(enum, mount_kind);
KEEP(enum, mount_flag);
KEEP(enum, socket_change_kind);
KEEP(enum, extension_kind);
KEEP(enum, memory_kind);
KEEP(struct, fork_event);
KEEP(struct, exec_event);
KEEP(struct, exit_event);
KEEP(struct, file_event);
KEEP(struct, wants);
KEEP(struct, watch_key);
KEEP(struct, socket_event);
KEEP(struct, connect_event);
KEEP(struct, listen_event);
KEEP(struct, data_event);
KEEP(struct, close_event);
KEEP(struct, throttle_event);
KEEP(struct, credentials_event);
KEEP(struct, access_event);
KEEP(struct, namespace_event);
KEEP(struct, mount_event);
KEEP(struct, socket_change_event);
KEEP(struct, extension_event);
KEEP(struct, signal_event);
KEEP(struct, memory_event);
KEEP(struct, title_event);
KEEP(struct, io_uring_event);
KEEP(struct, control_event);
KEEP(struct, event_string);

char LICENSE[] SEC("license") = "Dual BSD/GPL";
