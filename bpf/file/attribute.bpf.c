// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Mode, owner, extended attributes, times: set by name or by descriptor. */
#include "kernel.h"
#include "event.h"
#include "file.h"

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

	if (!site_enter(&site, CONTEXT_TASK, PROGRAM_FILE_ATTRIBUTE) || exit->result ||
	    !file_wanted(FILE_BIT(EVENT_FILE_ATTRIBUTE)))
		return;
	attribute = attribute_of(exit->number);
	if (!(file_wants.attributes >> attribute & 1))
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

char LICENSE[] SEC("license") = "Dual BSD/GPL";
