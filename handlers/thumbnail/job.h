/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One job from start to end: a source in, its renditions and facts out.
 */
#pragma once

#include "delivery.h"
#include "wire.h"

/*
 * Does `job` with the picture that `source_fd` reads, which stays the caller's. `delivery` has been
 * begun for it, and is ended. Whatever happens is said in *ret_result, whose payload is borrowed
 * from `delivery`; nothing of the job is left in the process.
 */
void job_run(const WireJob *job, int source_fd, Delivery *delivery, WireResult *ret_result);
