// SPDX-License-Identifier: Apache-2.0
//
// An event as one line for a person, made from the JSON form (so that `treeline events` needs nothing but the stream):
//
//   12:04:31 DENY  nginx: sh > nginx       exec     /usr/bin/curl            not in the tree  #7f3a61c0 x1
//   12:04:33 WOULD redis: redis-server     connect  10.2.3.4:4444/tcp        peer or port not granted  #91c2aa10 x18
//   12:05:09 LOST  -                       events   214 not shown; the counters are exact
//
// DENY and KILL were stopped; WOULD happened and would have been denied.
#pragma once

#include <string>

#include "enforcer/base/json.h"

namespace treeline::events {

// `colour`: SGR sequences around the verdict. `wide`: whole node paths, process and hook too.
std::string to_text(const Json& event, bool colour, bool wide);

// The last two steps of a canonical path, without directories: "entry > /entrypoint.sh (/bin/sh) > /usr/sbin/nginx" is
// "entrypoint.sh > nginx".
std::string short_node(const std::string& canonical_path);

}  // namespace treeline::events
