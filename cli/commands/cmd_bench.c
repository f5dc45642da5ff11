/* SPDX-License-Identifier: Apache-2.0 */
/* The command `bench`: runs bench/run of the source tree, or a part of thumbq-bench. */
#include "base/error.h"
#include "command.h"

#include <errno.h>
#include <unistd.h>

#define PROGRAM_NAME "thumbq-bench"

const CommandUsage usage_bench = {
    .words = "[ARGUMENT...]",
    .about =
        "Measures thumbq against its goals and against other programs. Runs bench/run of the\n"
        "source tree in which this thumbq was built, with all ARGUMENTs; or, if the first of\n"
        "them is a part (handler, throughput, files, latency, fill), thumbq-bench, which lies\n"
        "beside thumbq. bench/README.md explains the figures.",
    .examples = "thumbq bench --quick\n"
                "thumbq bench --only floor,throughput\n"
                "thumbq bench handler --help",
};

/* The folder of the program, and the folders above it. */
typedef struct {
    char *folder, *build, *source;
} Places;

static bool find_places(Places *ret_places, GError **error)
{
    g_autofree char *self = g_file_read_link("/proc/self/exe", error);
    if (!self)
        return false;
    ret_places->folder = g_path_get_dirname(self);
    ret_places->build = g_path_get_dirname(ret_places->folder);
    ret_places->source = g_path_get_dirname(ret_places->build);
    return true;
}

static void places_clear(Places *places)
{
    g_free(places->folder);
    g_free(places->build);
    g_free(places->source);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Places, places_clear)

int cmd_bench(Context *context, GError **error)
{
    const char *const *arguments = context->words;
    bool is_part = *arguments && **arguments != '-';
    g_auto(Places) places = {0};
    if (!find_places(&places, error))
        return -1;
    g_autofree char *path = is_part ? g_build_filename(places.folder, PROGRAM_NAME, NULL)
                                    : g_build_filename(places.source, "bench", "run", NULL);
    if (!g_file_test(path, G_FILE_TEST_IS_EXECUTABLE)) {
        g_set_error(error, THUMBQ_ERROR, ERROR_NOT_FOUND,
                    "there is no '%s': benchmarks are not installed; build thumbq from its source, "
                    "with libturbojpeg0-dev, and run the build/bin/thumbq made there",
                    path);
        return -1;
    }
    g_autoptr(GPtrArray) words = g_ptr_array_new();
    g_ptr_array_add(words, path);
    if (!is_part) {
        g_ptr_array_add(words, (void *)"--build");
        g_ptr_array_add(words, places.build);
    }
    for (; *arguments; arguments++)
        g_ptr_array_add(words, (void *)*arguments);
    g_ptr_array_add(words, NULL);
    execv(path, (char *const *)words->pdata);
    error_set_errno(error, errno, "cannot run", path);
    return -1;
}
