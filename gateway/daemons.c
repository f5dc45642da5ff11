/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons.h"

#include "base/clock.h"
#include "base/file.h"
#include "control/client.h"
#include "control/connect.h"

#define WAIT_US (2 * CLOCK_US_PER_SEC)

char *daemons_ask_metrics(const char *state_path)
{
    static const char words[] = "metrics\0--prometheus";
    const ControlWait wait = {.timeout_us = WAIT_US};
    const ControlRequest request = {.type = CONTROL_QUESTION,
                                    .question = {.after = "", .rows = CONTROL_ROWS_MAX},
                                    .payload = words,
                                    .payload_len = sizeof words};
    ControlAnswer answer;
    autofd fd = control_connect_query(state_path, NULL);
    char *text = NULL;

    if (fd < 0 || !control_ask(fd, &request, &wait, &answer, NULL))
        return NULL;
    if (answer.question.status == 0)
        text = g_strndup(answer.question.output, answer.question.output_len);
    control_answer_clear(CONTROL_QUESTION, &answer);
    return text;
}
