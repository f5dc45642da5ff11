/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon_probe.h"

#include "base/error.h"
#include "base/file.h"
#include "control/connect.h"

#include <stdbool.h>

static bool is_part_of_daemon;

void daemon_probe_is_part(void)
{
    is_part_of_daemon = true;
}

DaemonState daemon_probe(const char *state_path)
{
    if (is_part_of_daemon)
        return DAEMON_UP;

    g_autoptr(GError) error = NULL;
    autofd fd = control_connect(state_path, &error);

    if (fd >= 0)
        return DAEMON_UP;
    return error_code(error) == ERROR_NOT_FOUND ? DAEMON_DOWN : DAEMON_UNKNOWN;
}
