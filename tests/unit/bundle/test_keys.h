// SPDX-License-Identifier: Apache-2.0
//
// Keys that everybody knows: the first two of RFC 8032, section 7.1, in PEM.
#pragma once

namespace treeline::bundle::test {

constexpr const char* kSecret = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";
constexpr const char* kPublic = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n";
constexpr const char* kOtherSecret = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7\n-----END PRIVATE KEY-----\n";
// kSecret under the passphrase "x"; a key that is for agreement (X25519), not for signatures.
constexpr const char* kEncrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAj4PedRqzgtsgICCAAw\nDAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEI7m8M/skopS/xGx7Si7d5cEQOuf\ne0h/dgyQIWjPNAMmCRJa7BNrh2Hw4DSwAwPipgk46m9+IcTOrTCTepVW5g7zUyLq\nTciobKdPgbANeP66iQA=\n-----END ENCRYPTED PRIVATE KEY-----\n";
constexpr const char* kNoSigningKey = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VuBCIEIMCvhtppYcDLR6Z2XgNeP3CYVAp2ILZy9KR+dHinvMNt\n-----END PRIVATE KEY-----\n";

}  // namespace treeline::bundle::test
