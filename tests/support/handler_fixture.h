/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One fork server and one worker of thumbq-thumbnail, and what tests say to them.
 */
#pragma once

#include "handler_client.h"
#include "pictures.h"

extern HandlerServer fixture_server;
extern HandlerWorker fixture_worker;
extern const ForkRequest fixture_request; /* what the worker was asked for with */
extern const WireJob fixture_job;         /* no rendition, usual limits */

/* Makes the folder and starts both. */
void fixture_start(const char *program);

/* Ends both, which must go well, and removes the folder. */
void fixture_stop(void);

/* A job of one rendition, of high quality. */
WireJob fixture_job_of(int width, int height, Fit fit, Format format);

/*
 * Runs a job on a file of the folder and keeps the thumbnails as out0, out1, ... Asserts that it is
 * answered, and that the sizes said are those written.
 */
void fixture_run(const WireJob *job, const char *name, WireResult *ret_result);

/* Asserts the code, and that there is a message exactly where there is an error. */
void fixture_assert_error(const WireResult *result, ErrorCode code);

/* Asserts the colour (0xRRGGBB) at a place, as pixels_at, give or take `slack` in each band. */
void fixture_assert_color(const Pixels *pixels, double x, double y, uint32_t color, int slack);

/* The number after a field of /proc/PID/status: "\nVmRSS:". */
long fixture_status_number(pid_t pid, const char *field);
