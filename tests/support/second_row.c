/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A second row in the table of handler programs: `second` reads files that begin as QOI does. It
 * replaces program_table (the linker's --wrap), so that the programs themselves have no way to get
 * a row.
 */
#include "handlers/programs.h"

#include <glib.h>

const HandlerProgram *__real_program_table(size_t *ret_n);
const HandlerProgram *__wrap_program_table(size_t *ret_n);

static const ImageType types[] = {IMAGE_QOI, IMAGE_NONE};

const HandlerProgram *__wrap_program_table(size_t *ret_n)
{
    static HandlerProgram rows[PROGRAMS_MAX];
    size_t n;
    const HandlerProgram *real = __real_program_table(&n);

    g_assert_cmpuint(n, <, PROGRAMS_MAX);
    for (size_t i = 0; i < n; i++)
        rows[i] = real[i];
    rows[n] = (HandlerProgram){.name = "second",
                               .executable = "thumbq-second",
                               .package = "thumbq-second",
                               .memory_times = 2,
                               .timeout_times = 2,
                               .calls = CALLS_BASE,
                               .types = types};
    *ret_n = n + 1;
    return rows;
}
