/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The main function of a fuzz target in a build without libFuzzer: it runs the target once with the
 * bytes of each file in the given folders and their folders. It ends with status 1 if a file cannot
 * be read, or if there is none; the target itself ends the program at a fault.
 */
#include <fts.h>
#include <glib.h>
#include <stdbool.h>

#include "fuzz.h"

static bool replay_file(const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *data = NULL;
    gsize len;

    if (!g_file_get_contents(path, &data, &len, &error)) {
        g_printerr("%s\n", error->message);
        return false;
    }
    /* The copy has no byte behind its end, so that the sanitizers see a read there. */
    g_autofree uint8_t *exact = g_memdup2(data, len);
    LLVMFuzzerTestOneInput(exact, len);
    return true;
}

int main(int argc, char **argv)
{
    unsigned count = 0;
    FTS *tree;

    if (argc < 2 || !(tree = fts_open(argv + 1, FTS_COMFOLLOW | FTS_PHYSICAL | FTS_NOCHDIR, NULL)))
        return 1;
    if (LLVMFuzzerInitialize)
        LLVMFuzzerInitialize(&argc, &argv);
    for (FTSENT *entry; (entry = fts_read(tree));)
        if (entry->fts_info == FTS_F) {
            if (!replay_file(entry->fts_accpath))
                return 1;
            ++count;
        }
    fts_close(tree);
    g_print("%u files\n", count);
    return count > 0 ? 0 : 1;
}
