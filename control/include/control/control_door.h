/* SPDX-License-Identifier: Apache-2.0 */
/* The sockets at which a server of requests accepts clients. */
#pragma once

typedef enum { CONTROL_DOOR_OWN, CONTROL_DOOR_PUBLIC } ControlDoor;
#define CONTROL_DOORS 2
