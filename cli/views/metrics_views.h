/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output of `thumbq metrics`: for people (metrics_view.c), for Prometheus (metrics_prometheus.c),
 * and as JSON (cmd_metrics.c). All of them report alarms.
 */
#pragma once

#include "context.h"
#include "store/store.h"

#include <glib.h>
#include <stdbool.h>

/* Prints the metrics and alarms, with sparklines on a terminal. */
bool metrics_print_view(const Context *context, const StoreMetrics *metrics, GError **error);

/* Prints the metrics of all time in the text format of Prometheus, for node_exporter's textfile
 * collector. Source: "Exposition formats", prometheus.io. */
bool metrics_print_prometheus(const Context *context, GError **error);

/*
 * Gets the state of an alarm of the configuration. An alarm that was never evaluated has time_us 0.
 */
bool metrics_get_alarm(const Context *context, const AlarmConfig *config, AlarmStatus *ret_alarm,
                       GError **error);
