/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon_probe.h"

#include "control.h"
#include "error.h"
#include "file.h"

DaemonState daemon_probe(const char *state_path)
{
    g_autoptr(GError) error = NULL;
    autofd fd = control_connect(state_path, &error);

    if (fd >= 0)
        return DAEMON_UP;
    return error_code(error) == ERROR_NOT_FOUND ? DAEMON_DOWN : DAEMON_UNKNOWN;
}
