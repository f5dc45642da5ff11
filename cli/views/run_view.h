/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of `run` about each object on stderr, when it prints no REPORT lines. On a terminal:
 *
 *   done  gnome/wood.webp  4096x4096  0.5 s
 *
 * In a journal, only dead objects are reported.
 */
#pragma once

#include "daemon/news.h"

#include <stdbool.h>
#include <stddef.h>

/* NewsFunctions for a terminal and for a journal. `data` is not used. */
void run_view_print_line(const News *news, void *data);
void run_view_log_dead(const News *news, void *data);

/*
 * Formats the line for a terminal, with its line feed. A reason that does not fit into `width`
 * columns (0 means no limit) follows in lines of its own. A long name is cut. Owner: the caller
 * frees.
 */
char *run_view_format(const News *news, size_t width, bool color);
