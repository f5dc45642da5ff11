/* SPDX-License-Identifier: Apache-2.0 */
/* One fork server and one worker of thumbq-thumbnail, and the questions that tests ask them. */
#pragma once

#include "handler_client.h"
#include "pictures.h"

extern HandlerServer fixture_server;
extern HandlerWorker fixture_worker;
/* The request that the worker was started with. */
extern const ForkRequest fixture_request;
/* An order without renditions, with the usual limits. */
extern const WireOrder fixture_order;

/* Makes the folder, and starts the fork server and the worker. */
void fixture_start(const char *program);

/* Ends both and asserts that they end well. Removes the folder. */
void fixture_stop(void);

/* Makes an order with one rendition, of high quality. */
WireOrder fixture_order_of(int width, int height, Fit fit, Format format);

/* Runs an order on a file of the folder, and keeps the thumbnails as out0, out1, ... Asserts that
 * the order is answered, and that the stated sizes are those of the files. */
void fixture_run(const WireOrder *order, const char *name, WireResult *ret_result);

/* Asserts the code of a result, and that it has a message exactly if it has an error. */
void fixture_assert_error(const WireResult *result, ErrorCode code);

/* Asserts the colour (0xRRGGBB) at a place (see pixels_at), with a tolerance of `slack` in each
 * band. */
void fixture_assert_color(const Pixels *pixels, double x, double y, uint32_t color, int slack);

/* Reads the number after a field of /proc/PID/status: "\nVmRSS:". */
long fixture_status_number(pid_t pid, const char *field);
