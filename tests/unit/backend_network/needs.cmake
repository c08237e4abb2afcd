# SPDX-License-Identifier: Apache-2.0
list(APPEND needs treeline_backend_network treeline_frontend treeline_passes)
