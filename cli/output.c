/* SPDX-License-Identifier: Apache-2.0 */
#include "output.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* As much is gathered before the snapshot is given back: what a pipe takes, a few times over. */
#define GATHER_BYTES (256 << 10)

typedef struct {
    GByteArray *gathered; /* NULL: stdout is as it always was */
    bool is_held;
    int errnum; /* of a write that has failed: nothing is written any more */
} Output;

/* There is one standard output. */
static Output output;

/* Takes all of it, or an errno. */
static void write_all(const uint8_t *bytes, size_t n)
{
    while (n > 0 && output.errnum == 0) {
        ssize_t written = write(STDOUT_FILENO, bytes, n);
        if (written < 0 && errno != EINTR)
            output.errnum = errno;
        if (written <= 0)
            continue;
        bytes += written;
        n -= (size_t)written;
    }
}

static ssize_t take(void *cookie, const char *bytes, size_t n)
{
    (void)cookie;
    if (output.errnum == 0 && output.is_held)
        g_byte_array_append(output.gathered, (const guint8 *)bytes, (guint)n);
    else
        write_all((const uint8_t *)bytes, n);
    if (output.errnum == 0)
        return (ssize_t)n;
    errno = output.errnum;
    return 0; /* an error, to stdio */
}

static void begin(void)
{
    const cookie_io_functions_t functions = {.write = take};
    FILE *stream = fopencookie(NULL, "w", functions);

    if (!stream)
        return; /* then it is as it always was */
    (void)fflush(stdout);
    (void)setvbuf(stream, NULL, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF, 64 << 10);
    stdout = stream;
    output.gathered = g_byte_array_new();
}

/* A process that is stopped by its terminal is to hold no snapshot. */
static void set_stoppable(bool is_stoppable)
{
    sigset_t stop;

    sigemptyset(&stop);
    sigaddset(&stop, SIGTSTP);
    (void)sigprocmask(is_stoppable ? SIG_UNBLOCK : SIG_BLOCK, &stop, NULL);
}

static void write_gathered(void)
{
    (void)fflush(stdout); /* an error stays with the stream */
    write_all(output.gathered->data, output.gathered->len);
    g_byte_array_set_size(output.gathered, 0);
    if (output.errnum == 0)
        return;
    /* So that ferror says so: whoever prints on and on looks there. */
    (void)putchar('\n');
    (void)fflush(stdout);
}

static bool is_due(void *unused_data)
{
    (void)unused_data;
    return output.gathered->len >= GATHER_BYTES;
}

static void rest(void *unused_data)
{
    (void)unused_data;
    set_stoppable(true);
    write_gathered();
    set_stoppable(false);
}

void output_hold(StoreSnapshot *snapshot)
{
    if (!output.gathered)
        begin();
    if (!output.gathered)
        return;
    output.is_held = true;
    set_stoppable(false);
    store_snapshot_on_rest(snapshot, is_due, rest, NULL);
}

void output_release(void)
{
    if (!output.gathered || !output.is_held)
        return;
    set_stoppable(true);
    write_gathered();
    output.is_held = false;
}
