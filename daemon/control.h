/*
 * What commands say to a running daemon: one request and one answer, each a line of text in one
 * packet, over a SOCK_SEQPACKET socket `control` in the state folder that its owner alone may use.
 *
 * "sync" is answered with "ok" when all that lies in the bucket now has been handled.
 *
 * "sweep KIND" and "sweep KIND dry-run" are answered with "ok" and a sentence (sweep_describe) when
 * the sweep has ended.
 *
 * Anything else is answered with "error" and a reason.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define CONTROL_LINE_MAX 512 /* bytes, with the final NUL */

/*
 * Sends `request` to the daemon of this state folder and waits for the answer, at most `timeout_us`
 * (0: for ever). Returns the rest of the line after "ok", owned by the caller. Errors:
 * ERROR_NOT_FOUND when no daemon listens, ERROR_TIMEOUT, ERROR_USAGE with the daemon's reason,
 * ERROR_IO.
 */
char *control_request(const char *state_path, const char *request, int64_t timeout_us,
                      GError **error);

/*
 * An address of the socket that fits whatever the length of the path: by way of an open descriptor
 * of the folder. Private to the daemon.
 */
struct sockaddr_un;
void control_address(int folder_fd, struct sockaddr_un *ret_address);
