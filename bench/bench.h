/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of thumbq-bench. Each runs one measurement and prints its raw figures as JSON lines on
 * stdout; medians, spreads and comparisons are the business of bench/run, which calls it.
 *
 * Each `run` gets what follows its name on the command line and returns the exit status.
 */
#pragma once

#include "rendition.h"

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

/* One file at a time: the handler against the floor, and a process per image against reuse. */
int bench_handler(int argc, char **argv);

/* What each value of `isolation` costs a picture, and what it costs to seal and to copy. */
int bench_isolation(int argc, char **argv);

/* Many files on several workers at once. */
int bench_throughput(int argc, char **argv);

/* Makes many small files. */
int bench_files(int argc, char **argv);

/* From the close of an upload to its thumbnail, in the bucket of a running daemon. */
int bench_latency(int argc, char **argv);

/* Makes a store of many records. */
int bench_fill(int argc, char **argv);

/* ---- shared -------------------------------------------------------------------------------------
 */

/* Parses the options; on a wrong one, says so and ends the program with 2. */
void bench_parse(const char *usage, const GOptionEntry *entries, int *argc, char ***argv);

/* Says what went wrong, and ends the program with 74. */
G_NORETURN void bench_fail(const char *what, const char *subject);

/* JPEG renditions of the given widths (and heights), as "256,1024"; ends the program where it is
 * none. */
size_t bench_renditions(const char *sizes, int quality,
                        Rendition ret_renditions[static RENDITIONS_MAX]);

/* Monotonic. */
int64_t bench_now_ns(void);

/* Prints ,"name":[1.234,...] in milliseconds. */
void bench_print_times(const char *name, const int64_t *times_ns, size_t n);
