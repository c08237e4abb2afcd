# SPDX-License-Identifier: Apache-2.0
list(APPEND needs treeline_backend_selinux treeline_frontend)
