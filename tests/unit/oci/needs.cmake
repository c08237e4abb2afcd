# SPDX-License-Identifier: Apache-2.0
list(APPEND needs treeline_backend_seccomp)
list(APPEND needs treeline_backend_bpf treeline_frontend)
