/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `run` says of each object on stderr, where it prints no REPORT lines: to a person on a
 * terminal a line like
 *
 *   done  gnome/wood.webp  4096x4096  0.5 s
 *
 * to a journal that an object is dead, and nothing else.
 */
#pragma once

#include "news.h"

#include <stdbool.h>
#include <stddef.h>

/* NewsFunctions; `data` is not used. */
void run_view_tell_person(const News *news, void *data);
void run_view_tell_journal(const News *news, void *data);

/*
 * The line for a person, with its end; a reason that does not fit into `width` columns (0: no
 * limit) follows on lines of its own. A name is cut where it has to be. Owner: the caller frees.
 */
char *run_view_format(const News *news, size_t width, bool color);
