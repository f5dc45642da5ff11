/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An executor that starts no process: it answers from the main loop at once. For tests of the code
 * that uses executors, and for measurements of that code without any worker.
 */
#pragma once

#include "handlers/executor.h"

/*
 * Answers an invocation: fills `ret_answer`, which may borrow from `data`, and returns true; false
 * hands it back.
 */
typedef bool (*NullAnswer)(const Invocation *invocation, Answer *ret_answer, void *data);

/*
 * Makes an executor that takes `options->concurrency` invocations at a time. Owner: executor_free.
 */
Executor *null_executor_new(const ExecutorOptions *options, NullAnswer answer, void *data);
