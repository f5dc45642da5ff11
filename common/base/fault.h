/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handles the signals that report a problem with a file, not a mistake in this program. Called
 * once, at the start of main.
 */
#pragma once

/*
 * After this call a write beyond the largest allowed file size (RLIMIT_FSIZE) fails with EFBIG
 * instead of ending the process with SIGXFSZ. SIGBUS prints one line on standard error and ends the
 * process with exit status 74: the kernel sends it if it cannot read a page of a mapped file,
 * because the file was cut short or its disk has failed. The store is the only file that a process
 * of thumbq maps and that others can change.
 */
void fault_handle_signals(void);
