/* SPDX-License-Identifier: Apache-2.0 */
#include "views/output.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* Bytes to gather before the snapshot is released: several times the size of a pipe. */
#define GATHER_BYTES (256 << 10)

typedef struct {
    /* NULL means that stdout is unchanged. */
    GByteArray *gathered;
    bool is_held;
    /* Error of a failed write. Nothing is written after it. */
    int errnum;
} Output;

/* A process has one standard output. */
static Output output;

/* Writes all bytes, or sets `errnum`. */
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

/* Keeps what is printed while the output is held, and writes it otherwise. */
static ssize_t gather_output(void *cookie, const char *bytes, size_t n)
{
    (void)cookie;
    if (output.errnum == 0 && output.is_held)
        g_byte_array_append(output.gathered, (const guint8 *)bytes, (guint)n);
    else
        write_all((const uint8_t *)bytes, n);
    if (output.errnum == 0)
        return (ssize_t)n;
    errno = output.errnum;
    /* Reports an error to stdio. */
    return 0;
}

/* Replaces stdout by a stream that gathers what is printed. */
static void begin(void)
{
    const cookie_io_functions_t functions = {.write = gather_output};
    FILE *stream = fopencookie(NULL, "w", functions);

    /* Stdout stays as it was. */
    if (!stream)
        return;
    (void)fflush(stdout);
    (void)setvbuf(stream, NULL, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF, 64 << 10);
    stdout = stream;
    output.gathered = g_byte_array_new();
}

/* Delays or allows Ctrl-Z: a stopped process must not hold a snapshot. */
static void set_stoppable(bool is_stoppable)
{
    sigset_t stop;

    sigemptyset(&stop);
    sigaddset(&stop, SIGTSTP);
    (void)sigprocmask(is_stoppable ? SIG_UNBLOCK : SIG_BLOCK, &stop, NULL);
}

static void write_gathered(void)
{
    /* An error stays in the stream. */
    (void)fflush(stdout);
    write_all(output.gathered->data, output.gathered->len);
    g_byte_array_set_size(output.gathered, 0);
    if (output.errnum == 0)
        return;
    /* Makes ferror report the error: commands that print long output check it. */
    (void)putchar('\n');
    (void)fflush(stdout);
}

static bool is_due(void *unused_data)
{
    (void)unused_data;
    return output.gathered->len >= GATHER_BYTES;
}

static void write_while_paused(void *unused_data)
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
    store_snapshot_on_release(snapshot, is_due, write_while_paused, NULL);
}

void output_release(void)
{
    if (!output.gathered || !output.is_held)
        return;
    set_stoppable(true);
    write_gathered();
    output.is_held = false;
}
