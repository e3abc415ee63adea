// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Mode, owner, extended attributes, times: set by name or by descriptor. */
#include "kernel.h"
#include "event.h"
#include "file.h"
#include "trampoline.h"

/* How a call names the file; the values that it sets come behind that. */
enum naming { NAMES_PATH, NAMES_DESCRIPTOR, NAMES_AT };

static __always_inline enum naming naming_of(__s32 number)
{
	switch (number) {
	case SYS_fchmod:
	case SYS_fchown:
	case SYS_fsetxattr:
	case SYS_fremovexattr:
		return NAMES_DESCRIPTOR;
	case SYS_fchmodat:
	case SYS_fchmodat2:
	case SYS_fchownat:
	case SYS_utimensat:
	case SYS_setxattrat:
	case SYS_removexattrat:
#if defined(__TARGET_ARCH_x86)
	case SYS_futimesat:
#endif
		return NAMES_AT;
	default:
		return NAMES_PATH;
	}
}

static __always_inline enum file_attribute attribute_of(__s32 number)
{
	switch (number) {
#if defined(__TARGET_ARCH_x86)
	case SYS_chmod:
#endif
	case SYS_fchmod:
	case SYS_fchmodat:
	case SYS_fchmodat2:
		return ATTRIBUTE_MODE;
#if defined(__TARGET_ARCH_x86)
	case SYS_chown:
	case SYS_lchown:
#endif
	case SYS_fchown:
	case SYS_fchownat:
		return ATTRIBUTE_OWNER;
#if defined(__TARGET_ARCH_x86)
	case SYS_utime:
	case SYS_utimes:
	case SYS_futimesat:
#endif
	case SYS_utimensat:
		return ATTRIBUTE_TIMES;
	default:
		return ATTRIBUTE_EXTENDED;
	}
}

CALL_PROGRAM(file_attribute, fchmodat)
{
	struct task_struct *task = CURRENT();
	enum file_attribute attribute;
	struct image_scratch *scratch;
	struct syscall call;
	enum naming naming;
	struct site site;
	__u64 value;

	if (!site_enter(&site, CONTEXT_TASK, PROGRAM_FILE_ATTRIBUTE) || exit->result)
		return;
	attribute = attribute_of(exit->number);
	if (!change_wanted(EVENT_FILE_ATTRIBUTE, attribute))
		return;
	scratch = file_begin(&site, task, EVENT_FILE_ATTRIBUTE);
	if (!scratch)
		return;
	call = syscall_read(task);
	naming = naming_of(exit->number);
	value = naming == NAMES_AT ? call.third : call.second;
	if (naming != NAMES_PATH)
		scratch->call.folder = call.first;
	if (naming != NAMES_DESCRIPTOR)
		scratch->call.name = naming == NAMES_AT ? call.second : call.first;
	scratch->call.attribute = attribute;
	if (attribute == ATTRIBUTE_MODE)
		scratch->call.mode = value & 07777;
	if (attribute == ATTRIBUTE_OWNER) {
		scratch->call.uid = value;
		scratch->call.gid = naming == NAMES_AT ? call.fourth : call.third;
	}
	file_end(&site, scratch);
}

/* int (const struct path *path, umode_t mode): chmod, fchmod, ... */
SEC("fexit/chmod_common")
int file_attribute_mode(__u64 *arguments)
{
	struct image_scratch *scratch;
	struct site site;

	scratch = change_begin(&site, PROGRAM_ATTRIBUTE_MODE, EVENT_FILE_ATTRIBUTE, ATTRIBUTE_MODE, arguments[2]);
	if (!scratch)
		return 0;
	scratch->call.mode = arguments[1] & 07777;
	return change_end(&site, scratch, (void *)arguments[0]);
}

/* int (const struct path *path, uid_t user, gid_t group): chown, lchown, fchown, ... */
SEC("fexit/chown_common")
int file_attribute_owner(__u64 *arguments)
{
	struct image_scratch *scratch;
	struct site site;

	scratch = change_begin(&site, PROGRAM_ATTRIBUTE_OWNER, EVENT_FILE_ATTRIBUTE, ATTRIBUTE_OWNER, arguments[3]);
	if (!scratch)
		return 0;
	scratch->call.uid = arguments[1];
	scratch->call.gid = arguments[2];
	return change_end(&site, scratch, (void *)arguments[0]);
}

/* int (const struct path *path, struct timespec64 *times): utime, utimensat, ... */
SEC("fexit/vfs_utimes")
int file_attribute_times(__u64 *arguments)
{
	struct image_scratch *scratch;
	struct site site;

	scratch = change_begin(&site, PROGRAM_ATTRIBUTE_TIMES, EVENT_FILE_ATTRIBUTE, ATTRIBUTE_TIMES, arguments[2]);
	return scratch ? change_end(&site, scratch, (void *)arguments[0]) : 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
