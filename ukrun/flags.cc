#include "ukrun/flags.h"

#include <sys/types.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "ukrun/flag_values.h"
#include "ukrun/platforms.h"
#include "ukrun/sizes.h"
#include "ukrun/status.h"
#include "ukrun/version.h"

namespace ukrun {
namespace {

// The flags as text, before their values are judged.
struct RawFlags {
  std::string rootfs, keep, upper_size;
  std::vector<std::string> binds, ro_binds, tmpfs, hide, unhide, env;
  std::string user, hostname, platform, strace_file, timeout, memory, pids, cpus;
};

constexpr absl::string_view kDescription =
    "ukrun runs a command in a sandbox with a kernel of its own.\n"
    "The command sees this machine's files, without secrets. What it changes stays in memory\n"
    "and is gone at the end. It has no network.\n";

constexpr absl::string_view kFooter =
    "Exit status:\n"
    "  The command's own; 128+N when signal N ended it; 127 when it was not found and 126\n"
    "  when it could not be run; 124 when --timeout ended it; 125 when ukrun itself failed.\n"
    "\n"
    "Examples:\n"
    "  ukrun -- python3 script.py                 changes are discarded\n"
    "  ukrun --keep out -- make                   changes are saved in the folder out\n"
    "  ukrun --bind . --timeout 10m -- make test  this folder is shared, at most ten minutes\n"
    "  ukrun doctor                               what this machine offers ukrun\n";

void AddTextFlag(CLI::App& app, const std::string& name, std::string& value,
                 const std::string& type, const std::string& help, const std::string& group) {
  app.add_option(name, value, help)->type_name(type)->group(group)->take_last();
}

// A flag that may be repeated, with one value each time.
void AddListFlag(CLI::App& app, const std::string& name, std::vector<std::string>& values,
                 const std::string& type, const std::string& help, const std::string& group) {
  app.add_option(name, values, help)->type_name(type)->group(group)->allow_extra_args(false);
}

void AddFileFlags(CLI::App& app, RawFlags& raw) {
  const std::string group = "Files";
  AddTextFlag(app, "--upper-size", raw.upper_size, "SIZE",
              "Room for what the command writes (default 1G)", group);
  AddTextFlag(app, "--keep", raw.keep, "DIR",
              "Save in DIR what the command changed: files, and a list of deletions", group);
  AddTextFlag(app, "--rootfs", raw.rootfs, "DIR", "Show DIR as / instead of this machine's files",
              group);
  AddListFlag(app, "--bind", raw.binds, "SRC[:DST]",
              "Share a file or folder of this machine, reading and writing", group);
  AddListFlag(app, "--ro-bind", raw.ro_binds, "SRC[:DST]",
              "Share a file or folder of this machine, reading only", group);
  AddListFlag(app, "--tmpfs", raw.tmpfs, "DST[:OPTS]",
              "An empty folder in memory (OPTS: size=, mode=, noexec, nosuid, nodev)", group);
  AddListFlag(app, "--hide", raw.hide, "PATTERN", "Names that do not exist for the command", group);
  AddListFlag(app, "--unhide", raw.unhide, "PATTERN", "Show names again that are hidden by default",
              group);
}

void AddGuestFlags(CLI::App& app, RawFlags& raw) {
  const std::string group = "Identity and environment";
  AddListFlag(app, "--env", raw.env, "NAME[=VALUE]",
              "Pass a variable on, or set one (PATH, HOME, USER, SHELL, LANG, LC_*,\n"
              "TERM, TZ and PWD pass without it)",
              group);
  AddTextFlag(app, "--user", raw.user, "UID[:GID]",
              "Run as this user; your own files are shown as theirs (default: you)", group);
  AddTextFlag(app, "--hostname", raw.hostname, "NAME", "The name of the machine inside (ukrun)",
              group);
}

void AddLimitFlags(CLI::App& app, RawFlags& raw) {
  const std::string group = "Limits";
  AddTextFlag(app, "--timeout", raw.timeout, "DURATION",
              "End the command after this time: 10s, 5m, 1.5h", group);
  AddTextFlag(app, "--memory", raw.memory, "SIZE", "Memory (default: half of this machine's)",
              group);
  AddTextFlag(app, "--pids", raw.pids, "N", "Processes and threads (default 4096)", group);
  AddTextFlag(app, "--cpus", raw.cpus, "N", "Processors (default: all that you may use)", group);
}

void AddRunningFlags(CLI::App& app, RawFlags& raw, Options& options) {
  const std::string group = "Running and looking inside";
  AddTextFlag(app, "--platform", raw.platform, "NAME",
              absl::StrCat("How the command is run: auto, ", absl::StrJoin(PlatformNames(), ", "),
                           " (default auto)"),
              group);
  // The value of --strace is only ever given with '=', so that "--strace ls" runs ls.
  app.add_option("--strace", raw.strace_file, "Print every system call, to FILE or standard error")
      ->type_name("[=FILE]")
      ->group(group)
      ->expected(0, 1);
  app.add_flag("--debug", options.debug, "Print what ukrun itself does")->group(group);
  app.add_flag("--quiet", options.quiet, "No line about discarded files at the end")->group(group);
}

// How many leading arguments are flags of ours, with their values.
absl::StatusOr<size_t> CountFlags(const CLI::App& app, const std::vector<std::string>& args) {
  size_t count = 0;
  while (count < args.size()) {
    const std::string& arg = args[count];
    if (arg == "--" || arg.size() < 2 || arg[0] != '-') {
      return count;
    }
    ++count;
    std::string name = arg.substr(0, arg.find('='));
    const CLI::Option* option = app.get_option_no_throw(name);
    if (option == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, ": there is no such flag; ukrun --help lists them"));
    }
    bool has_value = name.size() < arg.size();
    if (has_value && option->get_items_expected_max() == 0) {
      return absl::InvalidArgumentError(absl::StrCat(arg, ": ", name, " takes no value"));
    }
    if (name.size() + 1 == arg.size()) {
      return absl::InvalidArgumentError(absl::StrCat(name, "=: it must not be empty"));
    }
    if (!has_value && option->get_items_expected_min() > 0) {
      if (count == args.size()) {
        return absl::InvalidArgumentError(
            absl::StrCat(name, ": it needs a value; see ukrun --help"));
      }
      ++count;
    }
  }
  return count;
}

// Parses the value of a flag when it was given; leaves `target` alone otherwise.
template <typename Target, typename Parse>
absl::Status Take(const CLI::App& app, const std::string& flag, const std::string& value,
                  Target& target, Parse parse) {
  if (app.count(flag) == 0) {
    return absl::OkStatus();
  }
  auto parsed = parse(value);
  if (!parsed.ok()) {
    return BadValue(flag, value, parsed.status().message());
  }
  target = *parsed;
  return absl::OkStatus();
}

// Parses each value of a flag that may be repeated.
template <typename Target, typename Parse>
absl::Status TakeEach(const char* flag, const std::vector<std::string>& values,
                      std::vector<Target>& target, Parse parse) {
  for (const std::string& value : values) {
    auto parsed = parse(value);
    if (!parsed.ok()) {
      return BadValue(flag, value, parsed.status().message());
    }
    target.push_back(*std::move(parsed));
  }
  return absl::OkStatus();
}

absl::Status TakeLists(const RawFlags& raw, Options& options) {
  for (const std::string& text : raw.binds) {
    options.binds.push_back({text, Access::kReadWrite});
  }
  for (const std::string& text : raw.ro_binds) {
    options.binds.push_back({text, Access::kReadOnly});
  }
  UKRUN_RETURN_IF_ERROR(TakeEach("--tmpfs", raw.tmpfs, options.tmpfs, ParseTmpfs));
  UKRUN_RETURN_IF_ERROR(TakeEach("--env", raw.env, options.env, ParseVariable));
  UKRUN_RETURN_IF_ERROR(TakeEach("--hide", raw.hide, options.hide, ParseNotEmpty));
  return TakeEach("--unhide", raw.unhide, options.unhide, ParseNotEmpty);
}

absl::Status TakeValues(const CLI::App& app, const RawFlags& raw, Options& options) {
  options.strace = app.count("--strace") > 0;
  if (!raw.strace_file.empty()) {
    options.strace_file = raw.strace_file;
  }
  auto take = [&app](const char* flag, const std::string& text, auto& target, auto parse) {
    return Take(app, flag, text, target, parse);
  };
  UKRUN_RETURN_IF_ERROR(take("--upper-size", raw.upper_size, options.upper_bytes, ParseUpperSize));
  UKRUN_RETURN_IF_ERROR(take("--keep", raw.keep, options.keep_dir, ParseNotEmpty));
  UKRUN_RETURN_IF_ERROR(take("--rootfs", raw.rootfs, options.rootfs, ParseNotEmpty));
  UKRUN_RETURN_IF_ERROR(take("--user", raw.user, options.user, ParseUser));
  UKRUN_RETURN_IF_ERROR(take("--hostname", raw.hostname, options.hostname, ParseHostname));
  UKRUN_RETURN_IF_ERROR(take("--platform", raw.platform, options.platform, ParsePlatform));
  UKRUN_RETURN_IF_ERROR(take("--timeout", raw.timeout, options.timeout_ns, ParseDuration));
  UKRUN_RETURN_IF_ERROR(take("--memory", raw.memory, options.memory_bytes, ParseMemory));
  UKRUN_RETURN_IF_ERROR(take("--pids", raw.pids, options.pids, ParsePositive));
  UKRUN_RETURN_IF_ERROR(take("--cpus", raw.cpus, options.cpus, ParsePositive));
  return TakeLists(raw, options);
}

// Sets the command from what follows the flags.
absl::Status TakeCommand(std::vector<std::string> rest, Options& options) {
  bool explicit_command = !rest.empty() && rest[0] == "--";
  if (explicit_command) {
    rest.erase(rest.begin());
  }
  if (rest.empty()) {
    return absl::InvalidArgumentError(
        "there is no command to run; try: ukrun -- python3 -c 'print(1)', or ukrun --help");
  }
  if (!explicit_command && rest.size() == 1 && rest[0] == "doctor") {
    options.action = Options::Action::kDoctor;
    return absl::OkStatus();
  }
  options.command = std::move(rest);
  return absl::OkStatus();
}

std::string Help(const CLI::App& app) {
  std::string flags = app.help();
  // CLI11 puts a usage line of its own before the groups, and generous space between.
  flags.erase(0, flags.find("Files:"));
  absl::StrReplaceAll(
      {{"\n\n\n", "\n\n"}, {"--strace [=FILE]", "--strace[=FILE] "}, {" ...", "    "}}, &flags);
  return absl::StrCat("Usage: ukrun [flags] [--] COMMAND [ARG...]\n       ukrun doctor\n\n",
                      kDescription, "\n", absl::StripTrailingAsciiWhitespace(flags), "\n\n",
                      kFooter);
}

// CLI11 reports what is wrong by exceptions; none leaves this function. Most of it has been
// found before (CountFlags), with better words.
absl::Status ParseWithCli11(CLI::App& app, std::vector<std::string> flags) {
  try {
    std::reverse(flags.begin(), flags.end());
    app.parse(std::move(flags));
  } catch (const CLI::Error& error) {
    return absl::InvalidArgumentError(error.what());
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Options> ParseFlags(const std::vector<std::string>& args) {
  CLI::App app;
  Options options;
  RawFlags raw;
  bool help = false;
  bool version = false;
  AddFileFlags(app, raw);
  AddGuestFlags(app, raw);
  AddLimitFlags(app, raw);
  AddRunningFlags(app, raw, options);
  app.set_help_flag();
  app.add_flag("-h,--help", help, "Print this and exit")->group("Help");
  app.add_flag("--version", version, "Print the version and exit")->group("Help");

  absl::StatusOr<size_t> flag_count = CountFlags(app, args);
  UKRUN_RETURN_IF_ERROR(flag_count.status());
  auto split = args.begin() + static_cast<ptrdiff_t>(*flag_count);
  UKRUN_RETURN_IF_ERROR(ParseWithCli11(app, {args.begin(), split}));
  if (help) {
    options.action = Options::Action::kHelp;
    options.text_to_print = Help(app);
    return options;
  }
  if (version) {
    options.action = Options::Action::kVersion;
    options.text_to_print = absl::StrCat("ukrun ", kVersion, "\n");
    return options;
  }
  UKRUN_RETURN_IF_ERROR(TakeValues(app, raw, options));
  UKRUN_RETURN_IF_ERROR(TakeCommand({split, args.end()}, options));
  return options;
}

}  // namespace ukrun
