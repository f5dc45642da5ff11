/*
 * What commands say to a running daemon: requests and answers, each a line in one packet, over a
 * SOCK_SEQPACKET socket `control` in the state folder that its owner alone may use.
 *
 * "sync" is answered with "ok" when all that lies in the bucket now has been handled.
 *
 * "sweep KIND" and "sweep KIND dry-run" are answered with "ok" and a sentence (sweep_describe) when
 * the sweep has ended.
 *
 * "retry KEY" and "drop KEY", the key's bytes as they are, are answered with "ok changed" or "ok
 * unchanged": see edit.h.
 *
 * Anything else is answered with "error" and a reason.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define CONTROL_LINE_MAX 8192 /* bytes, with the final NUL */

/*
 * Connects to the daemon of this state folder; -1 on error. Owner: the caller closes.
 * Errors: ERROR_NOT_FOUND when no daemon listens, ERROR_IO.
 */
int control_connect(const char *state_path, GError **error);

/*
 * Sends `request` and waits for the answer, at most `timeout_us` (0: for ever). Returns what
 * follows "ok ", owned by the caller. Errors: ERROR_TIMEOUT, ERROR_USAGE with the daemon's reason,
 * ERROR_IO.
 */
char *control_ask(int fd, const char *request, int64_t timeout_us, GError **error);

/* Both in one, for a single request. */
char *control_request(const char *state_path, const char *request, int64_t timeout_us,
                      GError **error);

/*
 * An address of the socket that fits whatever the length of the path: by way of an open descriptor
 * of the folder. Private to the daemon.
 */
struct sockaddr_un;
void control_address(int folder_fd, struct sockaddr_un *ret_address);
