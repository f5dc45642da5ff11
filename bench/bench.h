/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of thumbq-bench. Each part runs one measurement and prints its raw figures as JSON
 * lines on stdout. bench/run starts the parts and computes medians, spreads and comparisons.
 *
 * Each `run` gets the arguments behind its name on the command line and returns the exit status.
 */
#pragma once

#include "model/rendition.h"

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One file at a time: the handler compared with the floor, and a new process per image compared
 * with a reused one.
 */
int bench_handler(int argc, char **argv);

/* The cost of each value of `isolation` per picture, and the cost of sealing and copying. */
int bench_isolation(int argc, char **argv);

/* Many files on several workers at once. */
int bench_throughput(int argc, char **argv);

/* Makes many small files. */
int bench_files(int argc, char **argv);

/* Time from the close of an upload to its thumbnail, in the bucket of a running daemon. */
int bench_latency(int argc, char **argv);

/* Makes a store of many records. */
int bench_fill(int argc, char **argv);

/* Parses the options; prints a message and ends the program with 2 on a wrong one. */
void bench_parse(const char *usage, const GOptionEntry *entries, int *argc, char ***argv);

/* Prints a message about a failure and ends the program with 74. */
G_NORETURN void bench_fail(const char *what, const char *subject);

/*
 * Parses widths (and heights), "256,1024", into JPEG renditions; ends the program on an invalid
 * text.
 */
size_t bench_renditions(const char *sizes, int quality,
                        Rendition ret_renditions[static RENDITIONS_MAX]);

/* Monotonic. */
int64_t bench_now_ns(void);

/* Prints ,"name":[1.234,...] in milliseconds. */
void bench_print_times(const char *name, const int64_t *times_ns, size_t n);
