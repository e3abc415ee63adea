// SPDX-License-Identifier: GPL-2.0-only
/* A hole in the kernel, as exploits make do with: anybody learns where his credentials lie, and writes wherever he likes. For
 * 048-credentials-without-syscall.sh, in a virtual machine; nobody should have this module.
 */
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/uaccess.h>

struct poke {
	u64 address;
	u8 bytes[32];
};

static ssize_t hole_read(struct file *file, char __user *to, size_t size, loff_t *position)
{
	u64 address = (u64)&current_cred()->uid;

	if (size != sizeof(address))
		return -EINVAL;
	return copy_to_user(to, &address, size) ? -EFAULT : size;
}

static ssize_t hole_write(struct file *file, const char __user *from, size_t size, loff_t *position)
{
	struct poke poke;

	if (size != sizeof(poke))
		return -EINVAL;
	if (copy_from_user(&poke, from, size))
		return -EFAULT;
	memcpy((void *)poke.address, poke.bytes, sizeof(poke.bytes));
	return size;
}

static const struct file_operations hole_operations = {
	.owner = THIS_MODULE,
	.read = hole_read,
	.write = hole_write,
};

static struct miscdevice hole = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "hole",
	.fops = &hole_operations,
	.mode = 0666,
};

module_misc_device(hole);
MODULE_DESCRIPTION("A hole in the kernel, for tests of what watches it");
MODULE_LICENSE("GPL");
