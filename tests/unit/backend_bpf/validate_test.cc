// SPDX-License-Identifier: Apache-2.0
// An image is accepted whole or refused: each field damaged in turn, cut anywhere, bytes changed at random.
#include "policy-compiler/backends/bpf/validate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "tests/unit/backend_bpf/image_view.h"

namespace treeline::backends::bpf {
namespace {

using test::Writer;
using ::testing::HasSubstr;

std::string sample_image() {
  Writer w;
  const uint32_t a = w.root("/run.sh");
  w.policy.nodes[a].interpreter = ir::Pattern{"/bin/sh", {}};
  const uint32_t b = w.child(a, "/bin/b");
  w.file(a, "/etc/**", TL_READ);
  w.file(b, "/var/log/*.log", TL_WRITE | TL_CREATE);
  w.file(b, "/var/tmp/*", TL_WRITE | TL_CREATE | TL_READ);
  w.policy.nodes[b].users = {{3, {}}, {7, {}}};
  ir::NetworkRule rule;
  rule.peer.kind = ir::PeerKind::kInternal;
  rule.ports = {{80, 90}};
  w.policy.nodes[b].network = {rule};
  return test::compiled(w).image;
}

tl_image_header header_of(const std::string& image) {
  tl_image_header header;
  std::memcpy(&header, image.data(), sizeof header);
  return header;
}

template <typename T>
T get(const std::string& image, size_t offset) {
  T value;
  std::memcpy(&value, image.data() + offset, sizeof value);
  return value;
}

template <typename T>
void put(std::string& image, size_t offset, T value) {
  std::memcpy(image.data() + offset, &value, sizeof value);
}

struct Damage {
  const char* what;
  std::function<void(std::string&, tl_image_header&)> apply;  // the header is written back
  const char* message;
};

// Offset of the first entry of a table that is not empty (its first four bytes are set).
size_t first_used(const std::string& image, const tl_section& section, size_t entry) {
  for (uint32_t i = 0; i < section.count; ++i) {
    if (get<uint32_t>(image, section.offset + i * entry) != 0) return section.offset + i * entry;
  }
  return 0;
}

size_t row(const tl_image_header& h, uint32_t number) { return h.rows.offset + number * sizeof(tl_row); }
size_t slot(uint32_t number) { return TL_DFA_OFFSET + number * sizeof(tl_dfa_entry); }

const Damage kDamages[] = {
    {"magic", [](std::string&, tl_image_header& h) { h.magic ^= 1; }, "does not begin"},
    {"abi", [](std::string&, tl_image_header& h) { h.abi = 1; }, "format 1"},
    {"size", [](std::string&, tl_image_header& h) { h.size += 64; }, "header says"},
    {"flags", [](std::string&, tl_image_header& h) { h.flags = 1; }, "flags"},
    {"reserved", [](std::string&, tl_image_header& h) { h.reserved = 1; }, "reserved"},
    {"start of the searches", [](std::string&, tl_image_header& h) { h.zero = 1; }, "searches"},
    {"behind the header", [](std::string& i, tl_image_header&) { i[500] = 1; }, "behind the header"},
    {"classes", [](std::string&, tl_image_header& h) { h.classes = 0xffffffff; }, "dfa|rows|blocks"},
    {"few classes", [](std::string&, tl_image_header& h) { h.classes = 3; }, "fewer classes"},
    {"peer classes", [](std::string&, tl_image_header& h) { h.peer_classes = 0xffffffff; }, "network"},
    {"port classes", [](std::string&, tl_image_header& h) { h.port_classes = 0; }, "no peer or port"},
    {"dfa offset", [](std::string&, tl_image_header& h) { h.dfa.offset += 64; }, "not in its place"},
    {"overlap", [](std::string&, tl_image_header& h) { h.keys.offset = TL_DFA_OFFSET; }, "keys is not in its place"},
    {"alignment", [](std::string&, tl_image_header& h) { h.rows.offset += 64; }, "rows is not in its place"},
    {"beyond the end", [](std::string&, tl_image_header& h) { h.users.count = 1u << 30; }, "beyond the end"},
    {"empty section", [](std::string&, tl_image_header& h) { h.edges.count = 0; }, "edges is empty"},
    {"no power of two", [](std::string&, tl_image_header& h) { h.edges.count -= 1; }, "power of two"},
    {"dead state", [](std::string& i, tl_image_header&) { put<uint32_t>(i, slot(65) + 4, 256); }, "dead state"},
    {"start", [](std::string& i, tl_image_header&) { put<uint32_t>(i, slot(256), 0); }, ""},
    {"class of a state",
     [](std::string& i, tl_image_header&) { put<uint32_t>(i, slot(256), TL_DFA_HEAD | 0x00ffffff); },
     "class that no path"},
    {"reserved class of a state",
     [](std::string& i, tl_image_header&) { put<uint32_t>(i, slot(256), uint32_t{TL_DFA_HEAD} | TL_CLASS_PIPE); },
     "class that no path"},
    {"default next", [](std::string& i, tl_image_header&) { put<uint32_t>(i, slot(256) + 4, 0x7fffffff); },
     "leads to what is no state"},
    {"next into a row", [](std::string& i, tl_image_header&) { put<uint32_t>(i, slot(256) + 4, 256 + '/'); },
     "leads to what is no state"},
    {"next of a byte", [](std::string& i, tl_image_header&) { put<uint32_t>(i, slot(256 + '/') + 4, 0xfffffff0); },
     "leads to what is no state"},
    {"owner of a slot", [](std::string& i, tl_image_header&) { put<uint32_t>(i, slot(256 + '/'), 256 + '/'); },
     "belongs to what"},
    {"last slot a state",
     [](std::string& i, tl_image_header& h) { put<uint32_t>(i, slot(h.dfa.count - 1), TL_DFA_HEAD); },
     "beyond the section"},
    {"free slot", [](std::string& i, tl_image_header& h) { put<uint32_t>(i, slot(h.dfa.count - 1) + 4, 256); },
     "free and not zero"},
    {"words too few", [](std::string&, tl_image_header& h) { h.words.count /= 2; }, "as large as its hash"},
    {"word shift", [](std::string&, tl_image_header& h) { h.word_shift = 64; }, "as large as its hash"},
    {"word's place", [](std::string& i, tl_image_header& h) { i[first_used(i, h.words, sizeof(tl_word))] ^= 3; }, "words["},
    {"word's state",
     [](std::string& i, tl_image_header& h) { i[first_used(i, h.words, sizeof(tl_word)) + offsetof(tl_word, state)] ^= 1; },
     "words["},
    {"word's next",
     [](std::string& i, tl_image_header& h) { i[first_used(i, h.words, sizeof(tl_word)) + offsetof(tl_word, next)] ^= 1; },
     "leads elsewhere"},
    {"empty word",
     [](std::string& i, tl_image_header& h) {
       for (uint32_t n = 0; n < h.words.count; ++n) {
         const size_t at = h.words.offset + n * sizeof(tl_word);
         if (get<uint64_t>(i, at) == 0) return put<uint32_t>(i, at + offsetof(tl_word, next), 1);
       }
     },
     "is empty and not zero"},
    {"row of nobody", [](std::string& i, tl_image_header& h) { put<uint64_t>(i, row(h, 0), 5); }, "wrong key"},
    {"fixed row with rights",
     [](std::string& i, tl_image_header& h) { put<uint64_t>(i, row(h, 3) + offsetof(tl_row, capabilities), 1); },
     "fixed and holds"},
    {"fixed row's key", [](std::string& i, tl_image_header& h) { put<uint64_t>(i, row(h, 1), 9); }, "wrong key"},
    {"node with a fixed key", [](std::string& i, tl_image_header& h) { put<uint64_t>(i, row(h, 4), TL_KEY_OUTSIDE); },
     "wrong key"},
    {"row flags",
     [](std::string& i, tl_image_header& h) { put<uint32_t>(i, row(h, 4) + offsetof(tl_row, flags), 0x80); },
     "unknown flags"},
    {"row rights",
     [](std::string& i, tl_image_header& h) { put<uint32_t>(i, row(h, 4) + offsetof(tl_row, rights), 0xffffffff); },
     "beyond the block index"},
    {"row net",
     [](std::string& i, tl_image_header& h) { put<uint32_t>(i, row(h, 4) + offsetof(tl_row, net), 0xffffffff); },
     "beyond the section"},
    {"row users",
     [](std::string& i, tl_image_header& h) { put<uint32_t>(i, row(h, 4) + offsetof(tl_row, users), 0xffffffff); },
     "beyond the section"},
    {"row operations",
     [](std::string& i, tl_image_header& h) { put<uint64_t>(i, row(h, 4) + offsetof(tl_row, operations), 1ull << 60); },
     "unknown operations"},
    {"row reserved",
     [](std::string& i, tl_image_header& h) { put<uint64_t>(i, row(h, 4) + offsetof(tl_row, reserved), 1); },
     "reserved words"},
    {"row parent",
     [](std::string& i, tl_image_header& h) { put<uint64_t>(i, row(h, 4) + offsetof(tl_row, parent), 77); },
     "no parent"},
    {"number of users", [](std::string& i, tl_image_header& h) { put<uint32_t>(i, h.users.offset + 4, 65); },
     "users beyond"},
    {"order of users", [](std::string& i, tl_image_header& h) { put<uint32_t>(i, h.users.offset + 8, 9); },
     "out of order"},
    {"key's row", [](std::string& i, tl_image_header& h) { put<uint32_t>(i, first_used(i, h.keys, 16) + 8, 99); },
     "leads to no row"},
    {"key of another row",
     [](std::string& i, tl_image_header& h) {
       put<uint32_t>(i, first_used(i, h.keys, 16) + 8, get<uint32_t>(i, first_used(i, h.keys, 16) + 8) == 1 ? 2 : 1);
     },
     "not the key of its row"},
    {"lost key",
     [](std::string& i, tl_image_header& h) {
       for (int k = 0; k < 16; ++k) i[first_used(i, h.keys, 16) + (k < 8 ? 8 : 0) + k % 8] = 0;
     },
     ""},
    {"block number", [](std::string& i, tl_image_header& h) { put<uint32_t>(i, h.block_index.offset, 0x00ffffff); },
     "names no block"},
    {"unknown word", [](std::string& i, tl_image_header& h) { put<uint16_t>(i, h.blocks.offset, 0x8000); },
     "unknown words"},
    {"right on nothing", [](std::string& i, tl_image_header& h) { put<uint16_t>(i, h.blocks.offset, TL_READ); },
     "never granted"},
    {"right of nobody", [](std::string& i, tl_image_header& h) { put<uint16_t>(i, h.blocks.offset + 2, TL_READ); },
     "is no node and has rights"},
    {"edge's row", [](std::string& i, tl_image_header& h) { put<uint32_t>(i, first_used(i, h.edges, 16), 0xffff); },
     "starts at no row"},
    {"edge of nobody",
     [](std::string& i, tl_image_header& h) { put<uint32_t>(i, first_used(i, h.edges, 16), TL_ROW_OUTSIDE); },
     "starts at no row"},
    {"edge's class", [](std::string& i, tl_image_header& h) { put<uint32_t>(i, first_used(i, h.edges, 16) + 4, 0); },
     "never executed"},
    {"edge's target", [](std::string& i, tl_image_header& h) { put<uint32_t>(i, first_used(i, h.edges, 16) + 8, 99); },
     "leads to no node"},
    {"edge to a fixed row",
     [](std::string& i, tl_image_header& h) { put<uint32_t>(i, first_used(i, h.edges, 16) + 8, 1); },
     "leads to no node"},
    {"edge's flags",
     [](std::string& i, tl_image_header& h) { put<uint32_t>(i, first_used(i, h.edges, 16) + 12, 0x10); },
     "unknown flags"},
    {"move's class",
     [](std::string& i, tl_image_header& h) { put<uint32_t>(i, first_used(i, h.moves, 8) + 4, 0xffff); },
     "no pair of classes"},
    {"peers' start", [](std::string& i, tl_image_header& h) { put<uint32_t>(i, h.peers4.offset, 1); },
     "peers4[0] is out of order"},
    {"peers' order", [](std::string& i, tl_image_header& h) { put<uint32_t>(i, h.peers4.offset + 16, 1); },
     "out of order"},
    {"peer's class", [](std::string& i, tl_image_header& h) { put<uint32_t>(i, h.peers4.offset + 4, 99); },
     "no such class"},
    {"peers6", [](std::string& i, tl_image_header& h) { put<uint64_t>(i, h.peers6.offset + 32, 0); },
     "peers6[1] is out of order"},
    {"ports", [](std::string& i, tl_image_header& h) { put<uint32_t>(i, h.ports.offset + 8, 70000); }, ""},
};

TEST(Validate, AcceptsWhatTheCompilerWrites) { EXPECT_TRUE(validate(sample_image()).has_value()); }

TEST(Validate, RefusesEachDamageAndNamesIt) {
  const std::string good = sample_image();
  for (const Damage& damage : kDamages) {
    std::string image = good;
    tl_image_header header = header_of(image);
    damage.apply(image, header);
    std::memcpy(image.data(), &header, sizeof header);
    const Result<void> result = validate(image);
    ASSERT_FALSE(result.has_value()) << damage.what;
    EXPECT_THAT(result.error().message, HasSubstr("damaged")) << damage.what;
    if (std::string_view(damage.message).find('|') == std::string_view::npos) {
      EXPECT_THAT(result.error().message, HasSubstr(damage.message)) << damage.what;
    }
  }
}

TEST(Validate, RefusesAnImageCutAnywhere) {
  const std::string good = sample_image();
  for (size_t size = 0; size < good.size(); size += size < 1200 ? 1 : 61)
    EXPECT_FALSE(validate(std::string_view(good).substr(0, size)).has_value()) << size;
}

// Whatever passes is safe to publish: decide.h reads nothing outside (the sanitizer watches), every state is one.
TEST(Validate, BytesChangedAtRandomAreRefusedOrHarmless) {
  const std::string good = sample_image();
  std::mt19937_64 random(11);
  size_t accepted = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string image = good;
    for (size_t n = 1 + random() % 3; n > 0; --n) image[random() % image.size()] = static_cast<char>(random());
    if (!validate(image)) continue;
    ++accepted;
    const test::ImageView view(image);
    const tl_image_header header = header_of(image);
    for (const char* path : {"/etc/passwd", "/var/log/x.log", "/run.sh", "/bin/sh"})
      EXPECT_LT(view.class_of(path), header.classes);
    for (uint32_t r = 0; r < header.rows.count; ++r) {
      EXPECT_LT(tl_exec_edge(view.get(), r, TL_CLASS_FIRST, 0), header.rows.count);
      EXPECT_EQ(tl_rights(view.get(), r, TL_CLASS_NONE), 0u);
    }
  }
  EXPECT_LT(accepted, 3000u);
}

}  // namespace
}  // namespace treeline::backends::bpf
