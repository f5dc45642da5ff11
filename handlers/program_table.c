/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of handler programs: a row each, with its limits, its sandbox profile and the types
 * that it reads.
 */
#include "handlers/programs.h"

#include <glib.h>

static const HandlerProgram table[] = {
    {
        .name = "thumbnail",
        .executable = "thumbq-thumbnail",
        .package = "thumbq",
        .memory_times = 1,
        .timeout_times = 1,
        /*
         * The codecs of libheif and the savers of libvips start threads. GLib, libvips and codecs
         * search for files, and for the properties of the machine.
         */
        .calls = CALLS_THREADS | CALLS_SEARCHES | CALLS_MACHINE,
    },
};

G_STATIC_ASSERT(G_N_ELEMENTS(table) <= PROGRAMS_MAX);

const HandlerProgram *program_table(size_t *ret_n)
{
    *ret_n = G_N_ELEMENTS(table);
    return table;
}
