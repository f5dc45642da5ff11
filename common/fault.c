/* SPDX-License-Identifier: Apache-2.0 */
#include "fault.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#define EXIT_IO 74 /* as error_exit_status(ERROR_IO), which a signal handler does not call */

static const char message[] =
    "thumbq: error: the store cannot be read: its file was cut short, or its disk has failed; the "
    "next 'thumbq run' looks through it, and rebuilds it from the bucket where it is damaged\n";

/* Calls nothing that is not safe in a signal handler; the page cannot be read a second time. */
static void end(int signal_number)
{
    (void)signal_number;
    (void)!write(STDERR_FILENO, message, strlen(message)); /* nobody else could be told */
    _exit(EXIT_IO);
}

void fault_handle_signals(void)
{
    const struct sigaction ending = {.sa_handler = end};

    (void)signal(SIGXFSZ, SIG_IGN); /* fails for no signal that there is */
    (void)sigaction(SIGBUS, &ending, NULL);
}
