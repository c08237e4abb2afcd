// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/cli/formats/catalogue.h"

#include <algorithm>
#include <iterator>

namespace treeline::cli::formats {
namespace {

constexpr Severity kError = Severity::kError, kWarning = Severity::kWarning, kNote = Severity::kNote;

constexpr Entry kEntries[] = {
    {"alias", Stage::kText, kError, "",
     "An alias ('*name'). The language has none: text in one place would change rights in another."},
    {"anchor", Stage::kText, kError, "",
     "An anchor ('&name'). The language has none: text in one place would change rights in another."},
    {"duplicate-key", Stage::kText, kError, "",
     "A key that its mapping has already. Which of the two counts would depend on the reader."},
    {"empty", Stage::kText, kError, "", "The text holds nothing."},
    {"encoding", Stage::kText, kError, "", "Bytes that are not UTF-8, or a character that a reviewer cannot see."},
    {"key-kind", Stage::kText, kError, "", "A key that is a list or a mapping: mostly a pattern that needs quotes."},
    {"merge", Stage::kText, kError, "", "A merge key ('<<'). The language has groups instead."},
    {"second-document", Stage::kText, kError, "", "A second YAML document in the file. A profile is one."},
    {"syntax", Stage::kText, kError, "", "The text is not YAML from here on. What stands before is still judged."},
    {"tag", Stage::kText, kError, "", "A tag ('!name'). The language has none: values are text."},
    {"too-deep", Stage::kText, kError, "",
     "More lists and mappings inside one another than can be read. Recursion is folded by 'back_to'."},
    {"too-large", Stage::kText, kError, "", "More bytes, values or rules than the compiler takes."},

    {"boolean", Stage::kShape, kError, "", "A value that must be true or false, without quotes."},
    {"empty-list", Stage::kShape, kError, "", "A list without items, or labels without one, where that would mean nothing or everything."},
    {"kind", Stage::kShape, kError, "", "A list, a mapping or text where another of the three is needed."},
    {"label", Stage::kShape, kError, "", "A name of a policy, group or node with characters that it may not have."},
    {"listed-twice", Stage::kShape, kError, "", "An item that its list has already."},
    {"missing-key", Stage::kShape, kError, "", "A mapping lacks a key that it must have."},
    {"no-value", Stage::kShape, kError, "", "A key without a value."},
    {"unknown-key", Stage::kShape, kError, "",
     "A key that the language does not know here. Nothing is ignored: a slip would drop a rule in silence."},
    {"unknown-name", Stage::kShape, kError, "", "A word that is none of those that may stand here."},
    {"version", Stage::kShape, kError, "", "A version of the language that this compiler does not read."},

    {"accept-code", Stage::kRules, kError, "",
     "'accept' with a word that is no code of a warning or note about a node: a slip, or a mistake, which nothing accepts."},
    {"accept-reason", Stage::kRules, kError, "",
     "'accept' without a reason, or with one that says nothing. Who reads it later has only that."},
    {"access-empty", Stage::kRules, kError, "", "A file rule without access words."},
    {"access-execute", Stage::kRules, kError, "",
     "'execute' as an access word. The right to start a program follows from the tree."},
    {"access-twice", Stage::kRules, kError, "", "An access word that the rule has already."},
    {"access-word", Stage::kRules, kError, "", "A word that is no access word."},
    {"digest", Stage::kRules, kError, "", "A digest that does not say its kind, or is not 64 hex digits."},
    {"netlink", Stage::kRules, kError, "", "A number that is no netlink protocol."},
    {"pattern", Stage::kRules, kError, "",
     "A path pattern that cannot be read. The place is that of the mistake in it."},
    {"pattern-control", Stage::kRules, kError, "",
     "A control character in a pattern: written as \\xHH, outside double quotes."},
    {"pattern-empty", Stage::kRules, kError, "", "A pattern without text."},
    {"pattern-long", Stage::kRules, kError, "", "A pattern that is longer than any path."},
    {"peer", Stage::kRules, kError, "",
     "A peer that is neither a kind of peer nor an address block, or a block with bits behind its prefix."},
    {"port", Stage::kRules, kError, "", "A port that is none, or one where the protocol has no ports."},
    {"syscall", Stage::kRules, kError, "", "Text that is no name of a system call."},
    {"user", Stage::kRules, kError, "", "Text that is no numeric user id."},

    {"back-edge-not-above", Stage::kTree, kError, "", "'back_to' names a node that is not an ancestor."},
    {"back-edge-program", Stage::kTree, kWarning, "5.0",
     "'back_to' gives a program the rights of a node that is another program."},
    {"back-edge-root", Stage::kTree, kError, "", "'back_to' at a root, which has nothing above it."},
    {"back-edge-rules", Stage::kTree, kError, "",
     "Rules beside 'back_to'. The process has those of the node it goes back to."},
    {"back-edge-unknown", Stage::kTree, kError, "", "'back_to' names an id that no node has."},
    {"duplicate-id", Stage::kTree, kError, "", "An id that another node has."},
    {"duplicate-sibling", Stage::kTree, kError, "",
     "Two children of a node are the same executable. An exec leads to one node."},
    {"exemption", Stage::kTree, kError, "",
     "A node has a pattern with and without unsafe_write_and_execute. The exemption must not spread unseen."},
    {"netlink-protocol", Stage::kTree, kWarning, "", "Netlink sockets may be made, but for no protocol."},
    {"netlink-socket", Stage::kTree, kWarning, "", "Netlink protocols are listed, but no netlink socket may be made."},
    {"unknown-group", Stage::kTree, kError, "", "'use' names a group that there is not."},
    {"unused-group", Stage::kTree, kWarning, "", "A group that no node uses."},

    {"ambiguous-step", Stage::kProofs, kError, "",
     "One executable matches two steps of a node that lead to different nodes."},
    {"automaton-budget", Stage::kProofs, kError, "",
     "The patterns together need more states or memory than the automaton may have. The costliest are named."},
    {"image-size", Stage::kProofs, kError, "", "The policy image does not fit into the kernel's arena."},
    {"internal", Stage::kProofs, kError, "", "A mistake of treelinec itself. Report it."},
    {"moves-budget", Stage::kProofs, kWarning, "",
     "Moving directories is judged more strictly than the profile says: there are too many pairs to prove."},
    {"network-budget", Stage::kProofs, kError, "", "More classes of peers or ports than the network table holds."},
    {"node-key", Stage::kProofs, kError, "", "Two nodes have the same key, or one has a reserved key."},
    {"number-range", Stage::kProofs, kError, "", "A number that the image has no place for."},
    {"too-many-users", Stage::kProofs, kError, "", "A node lists more users than the image holds for one."},
    {"unsafe-write-and-execute", Stage::kProofs, kWarning, "7.5",
     "What may be written may be executed, and a person signed for it. Every compile says so again."},
    {"write-and-execute", Stage::kProofs, kError, "8.8",
     "A file that some node may write is one that some node may execute or map: whoever writes it runs his own code."},

    {"accept-outgrown", Stage::kGrades, kWarning, "5.0",
     "What was accepted has become more: of critical risk without being named, or a file rule with words that the 'accept' does not name."},
    {"accept-unused", Stage::kGrades, kWarning, "",
     "An 'accept' for a finding that is not there any more: remove it, or it hides the next one."},
    {"any-egress", Stage::kGrades, kWarning, "6.5",
     "A node may send to any port of any outside peer. What is stolen leaves by a rule like this."},
    {"any-ingress", Stage::kGrades, kWarning, "5.0",
     "A node may listen on any port: on those too at which clients expect another program."},
    {"any-user", Stage::kGrades, kNote, "2.0", "A node may run as any user, root too."},
    {"broad-pattern", Stage::kGrades, kWarning, "6.0",
     "A pattern with '**' at or right below the root, or an executable that is no single name, or any file that has lost its name ({unlinked})."},
    {"check-incomplete", Stage::kGrades, kNote, "",
     "More was to be looked at than is looked at in one run; what was not is said."},
    {"dangerous-capability", Stage::kGrades, kWarning, "8.0",
     "A capability by which a process becomes more than its profile says."},
    {"dangerous-operation", Stage::kGrades, kWarning, "8.0",
     "A special operation by which a process becomes more than its profile says, or reaches the kernel."},
    {"dangerous-socket", Stage::kGrades, kWarning, "6.5",
     "A kind of socket that reads or writes what no rule on addresses judges."},
    {"dead-step", Stage::kGrades, kNote, "",
     "A program whose users its parent can never be, so that it can never be started."},
    {"interpreter-behind-network", Stage::kGrades, kWarning, "7.0",
     "A program that the network reaches may start an interpreter, or another program that starts what it is told to."},
    {"interpreter-program", Stage::kGrades, kNote, "5.5",
     "A node is an interpreter, or starts what an argument names. The kernel sees the program, not the script or the command line."},
    {"kernel-limit", Stage::kGrades, kNote, "",
     "What a kernel cannot hold by its hooks alone; the seccomp filter of the bundle does, for the whole workload."},
    {"metadata-egress", Stage::kGrades, kWarning, "7.0",
     "A node may ask the cloud's metadata service, which hands out credentials of the machine."},
    {"not-graded", Stage::kGrades, kWarning, "9.0",
     "A pattern that matches names in more ways than can be looked at: what it meets is not known, so not clean."},
    {"process-by-name", Stage::kGrades, kWarning, "2.0",
     "A rule for /proc/77, /proc/self or /proc/[0-9]*. The kernel's hooks know a process by its relation, so the rule grants nothing: {own} and the like do."},
    {"residual", Stage::kGrades, kWarning, "5.0",
     "A rule that no chosen back end enforces as it is written. An error of compile, unless the node accepts it by a line."},
    {"sensitive-file", Stage::kGrades, kWarning, "8.0",
     "A pattern that meets secrets, accounts, programs, the kernel's settings, devices, other processes, a runtime's or a user's socket, or a name that may be made a device."},
    {"shadowed-rule", Stage::kGrades, kNote, "",
     "A rule that grants nothing beyond what other rules of its node grant."},
    {"shell-behind-network", Stage::kGrades, kWarning, "8.5",
     "A program that the network reaches, or one that it leads to, may start a shell, or is one."},
    {"unused-rule", Stage::kGrades, kNote, "", "A network rule without a kind of socket that could use it."},
    {"unusual-protocol", Stage::kGrades, kWarning, "6.0",
     "A network rule of protocol raw or other: packets that are forged or read whole, or a protocol that rules know by its address alone."},
    {"written-scripts", Stage::kGrades, kNote, "5.5",
     "An interpreter that listens may read and change the same files: a script among them is code, and no hook tells it from data."},

    {"learn-name", Stage::kTraces, kError, "", "The traces name no workload that can be the profile's name."},
    {"learn-no-entry", Stage::kTraces, kError, "", "The traces show no program that the container started with."},
    {"learn-no-trace", Stage::kTraces, kError, "", "There is no trace to learn from."},
    {"learn-no-user", Stage::kTraces, kError, "", "A program was seen without the user that ran it."},
    {"learn-workloads", Stage::kTraces, kWarning, "", "The traces are of different workloads."},
    {"trace-arguments", Stage::kTraces, kWarning, "",
     "A filter passes a recorded system call with some arguments and refuses it with others; a trace holds none."},
    {"trace-depth", Stage::kTraces, kWarning, "", "The process tree of a trace is deeper than a profile can hold: `learn` leaves the rest out."},
    {"trace-empty", Stage::kTraces, kError, "", "A trace without lines."},
    {"trace-incomplete", Stage::kTraces, kWarning, "", "The recorder could not keep all that it saw."},
    {"trace-late", Stage::kTraces, kWarning, "", "Recording began after the container had started."},
    {"trace-line", Stage::kTraces, kError, "", "A line of a trace that cannot be read."},
    {"trace-lineage", Stage::kTraces, kError, "",
     "A process of a trace has no parent there, or a parent that comes later."},
    {"trace-nothing", Stage::kTraces, kWarning, "", "A trace without a program: nothing of it is judged."},
    {"trace-peers", Stage::kTraces, kWarning, "",
     "The profile lets only some peers in where a recorded program listens. A trace does not hold who came in, so that they are not judged."},
    {"trace-size", Stage::kTraces, kError, "", "A trace is larger than is read."},
    {"trace-truncated", Stage::kTraces, kWarning, "",
     "A trace that ends without its last line: the recorder was stopped hard."},
    {"trace-twice", Stage::kTraces, kWarning, "", "The same start of a workload was given twice. It counts once."},

    {"import-format", Stage::kImports, kError, "",
     "The source is not of the format that was named, or of none that is known."},
    {"import-limit", Stage::kImports, kError, "", "The source is larger, deeper or holds more than is read."},
    {"import-question", Stage::kImports, kNote, "", "What the source does not say and a person has to."},
    {"import-syntax", Stage::kImports, kError, "", "The source cannot be read from here on."},
    {"narrower", Stage::kImports, kNote, "",
     "The draft allows less here than the source did, since the language cannot say it exactly."},
    {"no-program", Stage::kImports, kError, "", "The source names no program that the rules could be for."},
    {"not-carried", Stage::kImports, kWarning, "", "What the source says and the draft does not hold."},
    {"unknown-field", Stage::kImports, kNote, "", "A field of the source that is not known; it was left out."},

    {"apparmor-shared", Stage::kCommands, kNote, "",
     "Nodes that AppArmor cannot tell apart share a profile; each may do there what any of them may."},
    {"bundle-damaged", Stage::kCommands, kError, "8.8",
     "A bundle that is not as it was written: a file is missing, altered, a link, or not named by the manifest."},
    {"bundle-mismatch", Stage::kCommands, kError, "8.8",
     "A bundle whose policy.img is not what its profile.yaml compiles to: the machine would enforce another policy than people read."},
    {"case-failed", Stage::kCommands, kError, "",
     "A case of the profile's cases file came out otherwise than it says."},
    {"case-question", Stage::kCommands, kError, "", "A case that cannot be asked: its node, act or object is not one."},
    {"merge-accept", Stage::kCommands, kWarning, "",
     "Only one of the two profiles accepts all findings of a code in a node; the result does not."},
    {"merge-digest", Stage::kCommands, kError, "",
     "The two profiles name different contents of one executable, or only one of them names it."},
    {"merge-exemption", Stage::kCommands, kError, "8.8",
     "One of the two profiles signed for unsafe_write_and_execute on a pattern, the other has it without and with more words."},
    {"merge-id", Stage::kCommands, kNote, "",
     "An id of one profile that the result cannot hold: its node has another one in the other profile, or another node has it."},
    {"merge-name", Stage::kCommands, kError, "", "The profiles are of different policies."},
    {"merge-on-violation", Stage::kCommands, kError, "",
     "The two profiles say different things of what a violation costs."},
    {"merge-step", Stage::kCommands, kError, "",
     "An exec leads to different places: to an own node in one profile, back to an ancestor or to another one in the other."},
    {"merge-syscalls", Stage::kCommands, kWarning, "",
     "One profile lists system calls and another none, so any call; in the result any passes, and nothing is listed."},
    {"merge-users", Stage::kCommands, kWarning, "2.0",
     "The two profiles let a node run as different users, or one lists none; in the result each has the rights of both."},
    {"name-changed", Stage::kCommands, kNote, "", "The two profiles have different names: they are two policies to a machine, and neither replaces the other."},
    {"name-twice", Stage::kCommands, kNote, "", "Another profile of the same run is the policy of this name too; a machine holds one."},
    {"newly-allowed", Stage::kCommands, kWarning, "5.0", "The new profile allows what the old one denied."},
    {"newly-denied", Stage::kCommands, kNote, "", "The new profile denies what the old one allowed."},
    {"not-compared", Stage::kCommands, kWarning, "",
     "Two versions that are too much to be compared by their meaning, in part or as a whole: what is written otherwise counts as different."},
    {"not-formatted", Stage::kCommands, kError, "", "The file is not laid out as `treelinec fmt` does."},
    {"not-shown", Stage::kCommands, kNote, "", "There are more findings than are listed."},
    {"response-changed", Stage::kCommands, kWarning, "3.0", "A violation costs something else in the new profile."},
    {"seccomp-program", Stage::kCommands, kError, "", "The filter of the listed system calls could not be built."},
    {"signature-expired", Stage::kCommands, kError, "8.0", "The signature is not valid any more."},
    {"signature-generation", Stage::kCommands, kError, "8.0",
     "The signed generation is lower than what is taken here."},
    {"signature-malformed", Stage::kCommands, kError, "8.0",
     "signature.json is no envelope that can be read, or its statement is not about this bundle."},
    {"signature-missing", Stage::kCommands, kError, "8.0", "The bundle is not signed."},
    {"signature-unknown-key", Stage::kCommands, kError, "8.0", "The signature is of no key that is trusted here."},
    {"signature-wrong", Stage::kCommands, kError, "9.0",
     "The signature does not fit the bytes: they were changed, or signed by somebody else."},
    {"syscall-absent", Stage::kCommands, kWarning, "",
     "A listed system call that an architecture does not have; it is left out there."},
    {"syscall-refused", Stage::kCommands, kWarning, "",
     "A listed system call that the filter refuses whatever its arguments: no node holds the operation or the socket that it is for."},
    {"syscall-unknown", Stage::kCommands, kError, "",
     "A listed name that is no system call on any architecture of the filter."},
    {"syscall-unseen", Stage::kCommands, kNote, "",
     "clone3 is listed, and answered with ENOSYS, since no filter sees its flags; a libc calls clone then."},
    {"syscalls-missing", Stage::kCommands, kWarning, "",
     "A filter was asked for and no node lists system calls, or one lists none; there is no filter, or one that stops it."},
    {"unreadable", Stage::kCommands, kError, "", "A file that could not be read. The others are still judged."},
    {"unused-grant", Stage::kCommands, kNote, "", "A grant that no recorded act needed."},
    {"would-be-denied", Stage::kCommands, kError, "", "A recorded act that the bundle denies."},
};

}  // namespace

std::string_view stage_name(Stage stage) {
  constexpr std::string_view kStages[] = {"text", "shape", "rules", "tree", "proofs", "grades", "traces", "imports", "commands"};
  return kStages[static_cast<size_t>(stage)];
}

std::span<const Entry> catalogue() { return kEntries; }

const Entry* find_entry(std::string_view code) {
  const auto at =
      std::find_if(std::begin(kEntries), std::end(kEntries), [&](const Entry& e) { return e.code == code; });
  return at == std::end(kEntries) ? nullptr : at;
}

std::string help_uri(std::string_view code) { return TREELINE_DIAGNOSTICS_URI "#" + std::string(code); }

std::string catalogue_markdown() {
  std::string out = R"(<!-- SPDX-License-Identifier: Apache-2.0 -->
# Diagnostics of `treelinec`

Codes are stable: scripts, suppressions and code scanning name them. This page is written out of the compiler's own table
(`cli/formats/catalogue.cc`); a test holds the table against the sources. *Risk* is `security-severity` in SARIF, of 10: how
much an attacker gains by a policy that has this and is taken all the same.
)";
  Stage stage = Stage::kText;
  bool first = true;
  for (const Entry& entry : kEntries) {
    if (first || entry.stage != stage) out += "\n## " + std::string(stage_name(entry.stage)) + "\n";
    first = false;
    stage = entry.stage;
    out += "\n### " + std::string(entry.code) + "\n" + std::string(severity_name(entry.severity));
    if (!entry.risk.empty()) out += ", risk " + std::string(entry.risk);
    out += ". " + std::string(entry.meaning) + "\n";
  }
  return out;
}

}  // namespace treeline::cli::formats
