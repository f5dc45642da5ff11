/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may come next on a command line, for the completion of shells: `thumbq complete WORD...`.
 * The shells' own part, in packaging/completions/, only asks and shows, so that there is one list
 * of commands and options, that of the program.
 */
#pragma once

#include "command.h"

/*
 * `words` (NULL-terminated) are those after `thumbq`, the last one as far as it has been typed,
 * which may be empty. Prints what it may become, one per line, with a tab and a few words on it
 * where there are any. A line ":folders" or ":files" leaves those to the shell. What is wrong with
 * the line so far is no error: there is nothing to print then.
 */
void complete_print(const Command *commands, size_t n_commands, char *const *words);
