/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `thumbq metrics` is made of: for people (metrics_view.c), for Prometheus
 * (metrics_prometheus.c), as JSON (cmd_metrics.c); and alarms, which all of them tell of.
 */
#pragma once

#include "context.h"
#include "store.h"

#include <glib.h>
#include <stdbool.h>

/* Prints what was measured, with alarms, and with sparklines on a terminal. */
bool metrics_print_view(const Context *context, const StoreMetrics *metrics, GError **error);

/*
 * Prints all time in the text format of Prometheus, as node_exporter's textfile collector takes it.
 * Source: "Exposition formats", prometheus.io.
 */
bool metrics_print_prometheus(const Context *context, GError **error);

/* What is known of an alarm of the configuration; one that was never evaluated has time_us 0. */
bool metrics_get_alarm(const Context *context, const AlarmConfig *config, StoreAlarm *ret_alarm,
                       GError **error);

/* The statistic that it watches. */
Statistic metrics_statistic(const AlarmConfig *config);
