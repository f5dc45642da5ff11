/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fault.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

/* The value of error_exit_status(ERROR_IO). A signal handler cannot call that function safely. */
#define EXIT_IO 74

static const char message[] =
    "thumbq: error: the store cannot be read: its file was cut short, or its disk has failed; the "
    "next 'thumbq run' checks the store, and rebuilds it from the bucket if it is damaged\n";

/*
 * Calls only functions that are safe in a signal handler. It ends the process: the page cannot be
 * read again.
 */
static void end(int signal_number)
{
    (void)signal_number;
    /* There is no other place to report a failed write. */
    (void)!write(STDERR_FILENO, message, strlen(message));
    _exit(EXIT_IO);
}

void fault_handle_signals(void)
{
    const struct sigaction ending = {.sa_handler = end};

    /* signal() fails only for an unknown signal number. */
    (void)signal(SIGXFSZ, SIG_IGN);
    (void)sigaction(SIGBUS, &ending, NULL);
}
