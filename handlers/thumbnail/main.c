/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thumbq-thumbnail: started by the daemon, never by hand. Loads libvips once and then makes workers
 * (forkserver.h), which alone touch pictures.
 */
#include "base/error.h"
#include "fork_server.h"
#include "formats/encode.h"
#include "handlers/forkserver.h"
#include "handlers/formats.h"
#include "handlers/programs.h"
#include "library.h"
#include "sandbox/sandbox.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef THUMBQ_SANITIZE
/*
 * A source that is cut short while it is mapped ends the worker, as the daemon expects: the
 * sanitizer should not report it.
 */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "handle_sigbus=0";
}
#endif

static bool is_packet_socket(int fd)
{
    int type;
    socklen_t len = sizeof type;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_SEQPACKET;
}

/* Prints every type that a thumbnail can have, one per line. */
static int print_formats(void)
{
    g_autoptr(GError) error = NULL;
    if (!library_start(&error)) {
        fprintf(stderr, "thumbq-thumbnail: %s\n", error->message);
        return error_exit_status(error_code(error));
    }
    for (int type = IMAGE_NONE; type < IMAGE_TYPES; type++) {
        if (encode_proves((ImageType)type))
            puts(image_type_name((ImageType)type));
    }
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], FORMATS_ARGUMENT) == 0)
        return print_formats();
    if (argc != 1 || !is_packet_socket(FORKSERVER_FD)) {
        fprintf(stderr, "thumbq-thumbnail: part of thumbq, started by 'thumbq run'\n");
        return 2;
    }
    g_autoptr(GError) error = NULL;
    size_t n_programs;
    unsigned calls = program_table(&n_programs)[PROGRAM_FIRST].calls;
    /* Workers repeat this, and check the result. */
    (void)close_range(FORKSERVER_FD + 1, UINT_MAX, 0);
    if (!library_start(&error) || !sandbox_prepare(calls, &error) ||
        !fork_server_run(FORKSERVER_FD, &error)) {
        fprintf(stderr, "thumbq-thumbnail: %s\n", error->message);
        return error_exit_status(error_code(error));
    }
    return EXIT_SUCCESS;
}
