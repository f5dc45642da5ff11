/*
 * One job from start to end: a source in, its renditions and facts out.
 */
#pragma once

#include "wire.h"

/*
 * Does `job`. `fds[0]` is the source, open for reading; fds[1..n_renditions] take the thumbnails,
 * open for writing and empty. They stay the caller's. Whatever happens is said in *ret_result;
 * nothing of the job is left in the process.
 */
void job_run(const WireJob *job, const int *fds, WireResult *ret_result);
