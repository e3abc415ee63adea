// SPDX-License-Identifier: Apache-2.0
// The smallest program to execute: static, does nothing.
int main(void)
{
	return 0;
}
