// SPDX-License-Identifier: Apache-2.0
//
// What the actor can do, by the acts of the case table (tests/cases/README.md).
//
// An act is performed in a process of its own and returns 0 where it passed what judges it, the errno of the refusal
// (EACCES, EPERM), or kCannot where something else was in the way; `reason` then says what. What comes behind the judge
// (no route, nobody listens, there is no such key) means that it let the act pass.
#pragma once

#include <map>
#include <string>

namespace actor {

using Act = int (*)(const char* object);
using Acts = std::map<std::string, Act>;

Acts file_acts();     // read, "read,write", create, connect, exec ...: objects are paths, {pipe}, /proc/{own}/...,
                      // {abstract}/...
Acts network_acts();  // out, listen, socket
Acts right_acts();    // capability, user
Acts operation_acts();

constexpr int kCannot = -1;
extern const char* reason;
int cannot(const char* why);
int refused(long result);  // of a system call; another error than a refusal is none
int answer(long result);   // of acts that must succeed to have an effect: another failure is no answer

}  // namespace actor
