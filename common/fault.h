/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals that say something about a file, not about a mistake in this program. One call, at the
 * start of main.
 */
#pragma once

/*
 * From now on a write past the largest size that a file may have (RLIMIT_FSIZE) fails with EFBIG,
 * and does not end the process with SIGXFSZ. SIGBUS, by which the kernel says that a page of a
 * mapped file cannot be read (the file was cut short, or its disk has failed), is a line on
 * standard error and exit status 74. The only file that a process of thumbq maps and others can
 * change is the store.
 */
void fault_handle_signals(void);
